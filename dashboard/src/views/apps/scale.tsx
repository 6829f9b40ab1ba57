// How many instances are wanted: a slider for the hand, a number for the exact.

import { useState } from "preact/hooks";
import type { App } from "../../api/types";
import { busy, scale } from "../../state/actions";

export function Scale({ app }: { app: App }) {
  const [draft, setDraft] = useState<number | null>(null);
  const wanted = draft ?? app.instances_wanted;
  const isBusy = busy.value.has(`scale ${app.name}`);
  const isOut = !Number.isInteger(wanted) || wanted < 0 || wanted > app.max;
  const submit = async (): Promise<void> => {
    if (isOut || isBusy) return;
    if (wanted !== app.instances_wanted) await scale(app.name, wanted);
    setDraft(null);
  };
  const hint = `scale-hint-${app.name}`;
  return (
    <form
      class="scale"
      onSubmit={(event) => {
        event.preventDefault();
        void submit();
      }}
      onKeyDown={(event) => {
        if (event.key === "Escape") setDraft(null);
      }}
    >
      <div class="controls">
        <input
          type="range"
          aria-label={`Instances of ${app.name}`}
          min={0}
          max={app.max}
          step={1}
          value={isOut ? app.instances_wanted : wanted}
          onInput={(event) => setDraft(event.currentTarget.valueAsNumber)}
        />
        <input
          type="number"
          aria-label={`Number of instances of ${app.name}`}
          aria-describedby={hint}
          aria-invalid={isOut}
          min={0}
          max={app.max}
          value={Number.isNaN(wanted) ? "" : wanted}
          onInput={(event) => setDraft(event.currentTarget.valueAsNumber)}
        />
        <button
          type="submit"
          class={`button ${draft !== null && draft !== app.instances_wanted ? "main" : "plain"}`}
          aria-disabled={isBusy || isOut || wanted === app.instances_wanted || undefined}
          aria-label={`Scale ${app.name}`}
        >
          <span>Scale</span>
        </button>
      </div>
      <p id={hint} class="quiet">
        {app.is_autoscaled ? `scales by itself from ${app.min} to ${app.max}` : `0 to ${app.max} instances`}
      </p>
    </form>
  );
}
