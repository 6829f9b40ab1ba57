// Who did what and when, with what it was before, and the way back or what is in it.

import type { Audit } from "../../api/types";
import { clock, moment } from "../../logic/format";
import { hindrance, wayBack } from "../../logic/undo";
import { reasonOf, takeBack } from "../../state/actions";
import { auditLog, auditTrouble, useAuditLog } from "../../state/audit";
import { Button } from "../../ui/button";
import { Empty } from "../../ui/empty";
import { Glyph } from "../../ui/glyph";

export function AuditLog() {
  useAuditLog();
  const entries = auditLog.value;
  const trouble = auditTrouble.value;
  return (
    <section class="card" aria-labelledby="audit-title">
      <h2 id="audit-title">Audit log</h2>
      {trouble !== null && <p class="mistake">{reasonOf(trouble)}</p>}
      {entries === null ? (
        <p class="quiet">Asking …</p>
      ) : entries.length === 0 ? (
        <Empty title="Nothing was done yet">
          Every action, from here or by the API, is listed with its way back.
        </Empty>
      ) : (
        <ol class="audit">
          {entries.map((entry) => (
            <Entry key={entry.id} entry={entry} entries={entries} />
          ))}
        </ol>
      )}
    </section>
  );
}

function Entry({ entry, entries }: { entry: Audit; entries: readonly Audit[] }) {
  const { at, who, action, target, before, after, ok, count, detail } = entry;
  return (
    <li id={idOf(entry)} tabIndex={-1}>
      <Glyph name={ok ? "enabled" : "error"} />
      <div>
        <p>
          <code>{action}</code> <b>{target}</b>
          {!ok && <span class="bad"> refused</span>}
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
      <WayBack entry={entry} entries={entries} />
    </li>
  );
}

/** The way back, or why there is none; what is in it can be looked at. */
function WayBack({ entry, entries }: { entry: Audit; entries: readonly Audit[] }) {
  if (wayBack(entry)) {
    const label = `Undo ${entry.action} of ${entry.target}`;
    return (
      <Button icon="undo" label={label} onClick={() => void takeBack(entry)}>
        Undo
      </Button>
    );
  }
  const why = hindrance(entry, entries);
  if (!why) return null;
  const { text, by } = why;
  return (
    <p class="hindrance" title={entry.obstacle?.message}>
      {text}{" "}
      {by && (
        <button type="button" class="link" onClick={() => show(by)}>
          at {clock(by.at)}
        </button>
      )}
    </p>
  );
}

function idOf(entry: Audit): string {
  return `audit-${entry.id}`;
}

/** Leads to an entry of the list. */
function show(entry: Audit): void {
  const element = document.getElementById(idOf(entry));
  element?.scrollIntoView({ block: "center" });
  element?.focus({ preventScroll: true });
}

function hasContent(value: unknown): boolean {
  return value !== null && value !== undefined;
}

/** A value of more characters than this, such as a whole overlay, is cut. */
const LONG = 200;

/** A value of the log in a line: `weight 3, admin state draining`. */
function brief(value: unknown): string {
  if (value === null || value === undefined) return "nothing";
  if (typeof value !== "object" || Array.isArray(value)) return JSON.stringify(value);
  const parts = Object.entries(value).map(([key, part]) => {
    const text = typeof part === "string" ? part : JSON.stringify(part);
    return `${key.replaceAll("_", " ")} ${text.length > LONG ? `${text.slice(0, LONG)} …` : text}`;
  });
  return parts.join(", ") || "nothing";
}
