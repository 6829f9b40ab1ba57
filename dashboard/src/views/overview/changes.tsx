// What changed, newest first: probes' verdicts, ejections, reloads, instances.

import type { Change as ChangeEntry } from "../../api/types";
import { linkTo } from "../../logic/route";
import { Ago } from "../../ui/ago";
import { Empty } from "../../ui/empty";
import { Glyph } from "../../ui/glyph";

const WORDS = { info: "", warn: "Warning: ", error: "Error: " } as const;

export function ChangeList({ changes }: { changes: readonly ChangeEntry[] }) {
  if (changes.length === 0)
    return <Empty title="Nothing changed yet">Changes of state appear here as they happen.</Empty>;
  return (
    <ol class="changes">
      {changes.map((change) => (
        <li key={change.id}>
          <Glyph name={change.severity} />
          <p>
            <span class="visually-hidden">{WORDS[change.severity]}</span>
            <Change change={change} />
          </p>
          <Ago at={change.at} />
        </li>
      ))}
    </ol>
  );
}

/** What changed, as a link, and what became of it: the message names it too, and need not twice. */
function Change({ change }: { change: ChangeEntry }) {
  const { pool, endpoint, app, instance, message } = change;
  if (app !== null) {
    const [name, start] =
      instance === null ? [app, `app "${app}": `] : [instance, `app "${app}": instance ${instance}: `];
    return (
      <Linked
        href={linkTo("apps", instance === null ? [app] : [app, instance])}
        name={name}
        {...{ start, message }}
      />
    );
  }
  if (pool !== null) {
    const [name, start] =
      endpoint === null ? [pool, `pool "${pool}": `] : [endpoint, `pool "${pool}": endpoint ${endpoint}: `];
    return (
      <Linked
        href={linkTo("pools", endpoint === null ? [pool] : [pool, endpoint])}
        name={name}
        {...{ start, message }}
      />
    );
  }
  return <>{message}</>;
}

function Linked({
  href,
  name,
  start,
  message,
}: {
  href: string;
  name: string;
  start: string;
  message: string;
}) {
  return (
    <>
      <a href={href}>{name}</a> {message.startsWith(start) ? message.slice(start.length) : message}
    </>
  );
}
