// What operators changed while Roundel ran, kept apart from their file.

import { send } from "../../api/client";
import type { Config, State } from "../../api/types";
import { diffLines } from "../../logic/diff";
import { act, reasonOf } from "../../state/actions";
import { notify } from "../../state/toasts";
import { Button, ConfirmButton } from "../../ui/button";
import { Empty } from "../../ui/empty";
import { Source } from "./source";

export function Overlay({ state, config }: { state: State; config: Config | null }) {
  if (!state.has_overlay) {
    return (
      <section class="card">
        <Empty title="The file says it all">
          What is changed here or by the API is kept apart from the file, and listed on this page.
        </Empty>
      </section>
    );
  }
  return (
    <>
      <section class="card" aria-labelledby="overlay-title">
        <div class="heading">
          <div>
            <h2 id="overlay-title">Changes while running</h2>
            <p class="quiet">They outlive a restart. Export them to make them part of your file.</p>
          </div>
          <div class="act">
            <Button icon="download" onClick={() => void download()}>
              Export
            </Button>
            <ConfirmButton
              tone="danger"
              icon="undo"
              question="Take all changes back, so that the file alone decides?"
              confirm="Take all back"
              onClick={() =>
                void act({
                  key: "overlay",
                  method: "DELETE",
                  path: "/config/overlay",
                  done: "The file alone decides again",
                  failed: "Cannot take the changes back",
                })
              }
            >
              Take all back
            </ConfirmButton>
          </div>
        </div>
        {config?.overlay ? (
          <Source text={config.overlay} label="The overlay" />
        ) : (
          <p class="quiet">Asking …</p>
        )}
      </section>
      {config?.diff && (
        <section class="card" aria-labelledby="diff-title">
          <h2 id="diff-title">Against the file</h2>
          <pre class="source diff" tabIndex={0} aria-label="Difference to the file">
            {diffLines(config.diff).map((line, index) => (
              <span key={index} class={`line ${line.kind}`}>
                {line.text}
                {"\n"}
              </span>
            ))}
          </pre>
        </section>
      )}
    </>
  );
}

/** Saves the overlay as a file; a plain link could not carry the token. */
async function download(): Promise<void> {
  try {
    const response = await send("/config/overlay", { accept: "*/*" });
    const address = URL.createObjectURL(new Blob([await response.text()], { type: "application/toml" }));
    const link = document.createElement("a");
    link.href = address;
    link.download = "roundel-overlay.toml";
    link.click();
    setTimeout(() => URL.revokeObjectURL(address), 10_000);
  } catch (error) {
    notify("bad", `Cannot export the overlay: ${reasonOf(error)}`);
  }
}
