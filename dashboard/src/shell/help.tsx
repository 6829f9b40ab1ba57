// What the page is, its signs and its keys.

import { signal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { hasShortcuts } from "../state/preferences";
import { Button } from "../ui/button";
import { type GlyphName, Mark } from "../ui/glyph";

export const isHelpOpen = signal(false);

const KEYS: readonly [string, string][] = [
  ["g o", "Overview"],
  ["g p", "Pools"],
  ["g a", "Apps"],
  ["g r", "Requests"],
  ["g c", "Configuration"],
  ["/", "to the filter"],
  ["p", "pause or resume the request log"],
  ["u", "undo the last action"],
  ["t", "light, dark or as the system"],
  ["Esc", "close what is open"],
  ["?", "this help"],
];

const SIGNS: readonly [GlyphName, string][] = [
  ["healthy", "probes succeed"],
  ["unknown", "not probed yet"],
  ["unhealthy", "probes fail"],
  ["absent", "no process runs there"],
  ["ejected", "failed real traffic, out for a while"],
  ["draining", "finishes what it has, gets nothing new"],
  ["disabled", "taken out by an operator"],
  ["backup", "used when no primary is left"],
  ["asleep", "nothing runs until the next request"],
];

export function Help() {
  const dialog = useRef<HTMLDialogElement>(null);
  const isOpen = isHelpOpen.value;
  useEffect(() => {
    if (isOpen) dialog.current?.showModal();
    else dialog.current?.close();
  }, [isOpen]);
  const close = (): void => {
    isHelpOpen.value = false;
  };
  return (
    <dialog ref={dialog} class="help" aria-labelledby="help-title" onClose={close}>
      <header>
        <h2 id="help-title">Help</h2>
        <Button icon="close" tone="ghost" label="Close help" onClick={close} />
      </header>
      <section>
        <h3>Keys</h3>
        <dl class="keys">
          {KEYS.map(([keys, what]) => (
            <div key={keys}>
              <dt>
                {keys.split(" ").map((key) => (
                  <kbd key={key}>{key}</kbd>
                ))}
              </dt>
              <dd>{what}</dd>
            </div>
          ))}
        </dl>
        <label class="check">
          <input
            type="checkbox"
            checked={hasShortcuts.value}
            onChange={(event) => {
              hasShortcuts.value = event.currentTarget.checked;
            }}
          />
          Single keys act
        </label>
      </section>
      <section>
        <h3>Signs</h3>
        <ul class="signs">
          {SIGNS.map(([name, what]) => (
            <li key={name}>
              <Mark name={name} /> <span>{what}</span>
            </li>
          ))}
        </ul>
        <p>
          Without scripts: <a href="/status">status page</a>. For programs: <a href="/openapi.json">API</a>,{" "}
          <a href="/metrics">metrics</a>.
        </p>
      </section>
    </dialog>
  );
}
