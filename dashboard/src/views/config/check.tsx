// Checks a configuration before it is used, with the same words as `roundel check`.

import { useState } from "preact/hooks";
import { ApiError, json } from "../../api/client";
import type { Checked } from "../../api/types";
import { reasonOf } from "../../state/actions";
import { Mark } from "../../ui/glyph";

export function Check() {
  const [text, setText] = useState("");
  const [isBusy, setBusy] = useState(false);
  const [result, setResult] = useState<Checked | null>(null);
  const check = async (): Promise<void> => {
    if (isBusy || text.trim() === "") return;
    setBusy(true);
    try {
      setResult(await json<Checked>("/config/check", { method: "POST", body: text, type: "text/plain" }));
    } catch (error) {
      const errors = error instanceof ApiError ? error.errors : [];
      setResult({ ok: false, summary: reasonOf(error), errors });
    } finally {
      setBusy(false);
    }
  };
  return (
    <section class="card" aria-labelledby="check-title">
      <h2 id="check-title">Check a configuration</h2>
      <p class="quiet">Nothing is changed by it.</p>
      <form
        class="check-form"
        onSubmit={(event) => {
          event.preventDefault();
          void check();
        }}
      >
        <label>
          <span class="visually-hidden">Configuration, as TOML</span>
          <textarea
            rows={14}
            spellcheck={false}
            placeholder={'[[listener]]\naddress = "0.0.0.0:8080"'}
            value={text}
            onInput={(event) => setText(event.currentTarget.value)}
          />
        </label>
        <button type="submit" class="button main" aria-disabled={isBusy || text.trim() === "" || undefined}>
          <span>Check</span>
        </button>
      </form>
      <div role="status">{result && <Result result={result} />}</div>
    </section>
  );
}

function Result({ result }: { result: Checked }) {
  return (
    <div class="reload">
      <Mark
        name={result.ok ? "healthy" : "error"}
        text={result.ok ? "It can be used" : "It cannot be used"}
      />
      {result.summary && (result.ok || result.errors.length === 0) && (
        <pre class="output">{result.summary}</pre>
      )}
      {result.errors.map((error) => (
        <pre key={error.rendered} class="output">
          {error.rendered}
        </pre>
      ))}
    </div>
  );
}
