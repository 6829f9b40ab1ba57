// Who did what and when, with what it was before, and the way back.

import { useEffect, useState } from "preact/hooks";
import { json } from "../../api/client";
import type { Audit } from "../../api/types";
import { moment } from "../../logic/format";
import { reasonOf, takeBack } from "../../state/actions";
import { audited } from "../../state/live";
import { Button } from "../../ui/button";
import { Empty } from "../../ui/empty";
import { Glyph } from "../../ui/glyph";

export function Trail() {
  const [entries, setEntries] = useState<Audit[] | null>(null);
  const [mistake, setMistake] = useState<string | null>(null);
  const newest = audited.value[0]?.id ?? 0;
  // Fetched anew when the stream tells of another entry.
  useEffect(() => {
    if (newest < 0) return;
    json<{ entries: Audit[] }>("/audit").then(
      (trail) => {
        setEntries(trail.entries);
        setMistake(null);
      },
      (error: unknown) => setMistake(reasonOf(error)),
    );
  }, [newest]);
  return (
    <section class="card" aria-labelledby="trail-title">
      <h2 id="trail-title">Audit trail</h2>
      {mistake && <p class="mistake">{mistake}</p>}
      {entries === null ? (
        <p class="quiet">Asking …</p>
      ) : entries.length === 0 ? (
        <Empty title="Nothing was done yet">
          Every action, from here or by the API, is listed with its way back.
        </Empty>
      ) : (
        <ol class="trail">
          {entries.map((entry) => (
            <Entry key={entry.id} entry={entry} />
          ))}
        </ol>
      )}
    </section>
  );
}

function Entry({ entry }: { entry: Audit }) {
  const { at, who, action, target, before, after, ok, count, detail, undo } = entry;
  return (
    <li>
      <Glyph name={ok ? "enabled" : "error"} />
      <div>
        <p>
          <code>{action}</code> <b>{target}</b>
          {!ok && <span class="bad"> failed</span>}
          {count > 1 && <span class="bad"> {count} times</span>}
        </p>
        <p class="quiet">
          <time dateTime={at}>{moment(at)}</time> by {who}
          {detail && `: ${detail}`}
        </p>
        {(hasContent(before) || hasContent(after)) && (
          <p class="change">
            <code>{brief(before)}</code> <span aria-hidden="true">→</span>
            <span class="visually-hidden"> became </span> <code>{brief(after)}</code>
          </p>
        )}
      </div>
      {undo && (
        <Button icon="undo" label={`Undo ${action} of ${target}`} onClick={() => void takeBack(undo)}>
          Undo
        </Button>
      )}
    </li>
  );
}

function hasContent(value: unknown): boolean {
  return value !== null && value !== undefined;
}

/** A value of more characters than this, such as a whole overlay, is cut. */
const LONG = 200;

/** A value of the trail in a line: `weight 3, admin state draining`. */
function brief(value: unknown): string {
  if (value === null || value === undefined) return "nothing";
  if (typeof value !== "object" || Array.isArray(value)) return JSON.stringify(value);
  const parts = Object.entries(value).map(([key, part]) => {
    const text = typeof part === "string" ? part : JSON.stringify(part);
    return `${key.replaceAll("_", " ")} ${text.length > LONG ? `${text.slice(0, LONG)} …` : text}`;
  });
  return parts.join(", ") || "nothing";
}
