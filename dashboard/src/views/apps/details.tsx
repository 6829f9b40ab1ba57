// One instance, with the end of what it wrote.

import { useEffect, useRef, useState } from "preact/hooks";
import { json, segment } from "../../api/client";
import type { Instance, Output } from "../../api/types";
import { bytes, count, secondsBetween, span } from "../../logic/format";
import { reasonOf } from "../../state/actions";
import { now } from "../../state/live";
import { Ago } from "../../ui/ago";
import { Fact, Facts } from "../../ui/facts";
import { Mark } from "../../ui/glyph";
import { InstanceActions } from "./verbs";

export function InstanceDetails({ app, instance }: { app: string; instance: Instance }) {
  const { state, reason, pid, address, started_at, cpu_percent, memory_bytes, restarts, last_exit } =
    instance;
  return (
    <>
      <InstanceActions app={app} instance={instance} />
      <Facts>
        <Fact name="State">
          <Mark name={state} />
          {reason && <span class="reason">{reason}</span>}
        </Fact>
        <Fact name="Process">{pid === null ? "none" : pid}</Fact>
        <Fact name="Address">{address}</Fact>
        <Fact name="Uptime">{started_at === null ? "–" : span(secondsBetween(started_at, now.value))}</Fact>
        <Fact name="CPU">{cpu_percent === null ? "–" : `${cpu_percent.toFixed(1)}\u202f%`}</Fact>
        <Fact name="Memory">{memory_bytes === null ? "–" : bytes(memory_bytes)}</Fact>
        <Fact name="Restarts">{restarts}</Fact>
        <Fact name="Last exit">
          {last_exit === null ? (
            "none"
          ) : (
            <>
              {last_exit.status}, <Ago at={last_exit.at} />
            </>
          )}
        </Fact>
      </Facts>
      <OutputTail app={app} instance={instance} />
    </>
  );
}

/** Fetched anew when there is more of it, which the state tells; not more often than it comes. */
function OutputTail({ app, instance }: { app: string; instance: Instance }) {
  const [output, setOutput] = useState<Output | null>(null);
  const [mistake, setMistake] = useState<string | null>(null);
  const box = useRef<HTMLPreElement>(null);
  const isAtEnd = useRef(true);
  const { name, output_lines } = instance;
  useEffect(() => {
    const abort = new AbortController();
    json<Output>(`/apps/${segment(app)}/instances/${segment(name)}/output`, { signal: abort.signal }).then(
      (next) => {
        setOutput(next);
        setMistake(null);
      },
      (error: unknown) => {
        if (!abort.signal.aborted) setMistake(reasonOf(error));
      },
    );
    return () => abort.abort();
  }, [app, name, output_lines]);
  useEffect(() => {
    if (box.current && isAtEnd.current) box.current.scrollTop = box.current.scrollHeight;
  });
  const hidden = output ? output.lines_written - output.lines.length : 0;
  return (
    <section>
      <h3>
        Output{" "}
        {output && hidden > 0 && (
          <small class="quiet">
            the last {count(output.lines.length)} of {count(output.lines_written)} lines
          </small>
        )}
      </h3>
      {mistake && <p class="mistake">{mistake}</p>}
      <pre
        ref={box}
        class="output"
        // A box that scrolls must be reachable by the keyboard.
        tabIndex={0}
        aria-label={`Output of ${name}`}
        onScroll={(event) => {
          const { scrollTop, scrollHeight, clientHeight } = event.currentTarget;
          isAtEnd.current = scrollHeight - scrollTop - clientHeight < 24;
        }}
      >
        {output === null
          ? "…"
          : output.lines.length === 0
            ? "(nothing written yet)"
            : output.lines.join("\n")}
      </pre>
    </section>
  );
}
