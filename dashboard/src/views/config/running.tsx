// The configuration in force: the file's text, what came of it, and how the last reload went.

import { useState } from "preact/hooks";
import { ApiError, json } from "../../api/client";
import type { Config, ConfigError, Reloaded, State } from "../../api/types";
import { reasonOf } from "../../state/actions";
import { Ago } from "../../ui/ago";
import { Button } from "../../ui/button";
import { Mark } from "../../ui/glyph";
import { Source } from "./source";

export function Running({ state, config }: { state: State; config: Config | null }) {
  const hasFile = state.config_file !== null;
  return (
    <>
      <section class="card" aria-labelledby="reload-title">
        <div class="heading">
          <div>
            <h2 id="reload-title">{state.config_file ?? "From the command line"}</h2>
            <p class="quiet">
              {hasFile
                ? "Roundel takes a changed file by itself; a file with mistakes changes nothing."
                : "There is no file: the command line says it all."}
            </p>
          </div>
          {hasFile && <ReloadButton />}
        </div>
        {state.last_reload && (
          <div class="reload">
            <p>
              <Mark
                name={state.last_reload.ok ? "healthy" : "error"}
                text={state.last_reload.ok ? "Taken" : "Rejected: the one before stays in force"}
              />{" "}
              <span class="quiet">
                <Ago at={state.last_reload.at} />
              </span>
            </p>
            {state.last_reload.message && <pre class="output">{state.last_reload.message}</pre>}
          </div>
        )}
      </section>
      <div class={hasFile ? "pair" : undefined}>
        {hasFile && (
          <section class="card" aria-labelledby="source-title">
            <h2 id="source-title">The file</h2>
            {config === null ? (
              <p class="quiet">Asking …</p>
            ) : (
              <Source text={config.source ?? ""} label="The configuration file" />
            )}
          </section>
        )}
        <section class="card" aria-labelledby="resolved-title">
          <h2 id="resolved-title">What came of it</h2>
          {config === null ? (
            <p class="quiet">Asking …</p>
          ) : (
            <pre class="output tall" tabIndex={0} aria-label="The configuration in force">
              {config.running}
            </pre>
          )}
        </section>
      </div>
    </>
  );
}

/** Asks for a reload, and shows mistakes as the command line would. */
function ReloadButton() {
  const [isBusy, setBusy] = useState(false);
  const [result, setResult] = useState<{ text: string; errors: ConfigError[]; ok: boolean } | null>(null);
  const reload = async (): Promise<void> => {
    setBusy(true);
    try {
      const { message } = await json<Reloaded>("/config/reload", { method: "POST", body: {} });
      setResult({ text: message, errors: [], ok: true });
    } catch (error) {
      setResult({ text: reasonOf(error), errors: error instanceof ApiError ? error.errors : [], ok: false });
    } finally {
      setBusy(false);
    }
  };
  return (
    <div class="reload-action">
      <Button icon="restart" tone="main" isDisabled={isBusy} onClick={() => void reload()}>
        Reload now
      </Button>
      <div role="status">
        {result && (
          <>
            <Mark name={result.ok ? "healthy" : "error"} text={result.ok ? "Reloaded" : "Not taken"} />
            {!result.ok && result.errors.length === 0 && <pre class="output">{result.text}</pre>}
            {result.errors.map((error) => (
              <pre key={error.rendered} class="output">
                {error.rendered}
              </pre>
            ))}
          </>
        )}
      </div>
    </div>
  );
}
