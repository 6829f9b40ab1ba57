// What changed, newest first: probes' verdicts, ejections, reloads, instances.

import type { Change } from "../../api/types";
import { linkTo } from "../../logic/route";
import { Ago } from "../../ui/ago";
import { Empty } from "../../ui/empty";
import { Glyph } from "../../ui/glyph";

const WORDS = { info: "", warn: "Warning: ", error: "Error: " } as const;

export function ChangeList({ changes }: { changes: readonly Change[] }) {
  if (changes.length === 0)
    return <Empty title="Nothing changed yet">Changes of state appear here as they happen.</Empty>;
  return (
    <ol class="changes">
      {changes.map((change) => (
        <li key={change.id}>
          <Glyph name={change.severity} />
          <p>
            <span class="visually-hidden">{WORDS[change.severity]}</span>
            {change.message}
            {link(change)}
          </p>
          <Ago at={change.at} />
        </li>
      ))}
    </ol>
  );
}

function link({ pool, endpoint, app, instance }: Change) {
  const target =
    app !== null
      ? linkTo("apps", instance === null ? [app] : [app, instance])
      : pool !== null
        ? linkTo("pools", endpoint === null ? [pool] : [pool, endpoint])
        : null;
  const name = instance ?? app ?? endpoint ?? pool;
  return target === null ? null : (
    <>
      {" "}
      <a href={target}>{name}</a>
    </>
  );
}
