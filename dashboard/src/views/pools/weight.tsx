// The weight of an endpoint, changed where it stands: type, then Enter; Escape takes it back.

import { useState } from "preact/hooks";
import type { Endpoint } from "../../api/types";
import { busy, endpointKey, setWeight } from "../../state/actions";

const WEIGHT_MAX = 1000;

export function WeightField({ pool, endpoint }: { pool: string; endpoint: Endpoint }) {
  const [draft, setDraft] = useState<string | null>(null);
  const value = draft ?? endpoint.weight.toString();
  const isMistaken = !/^\d+$/.test(value) || Number(value) < 1 || Number(value) > WEIGHT_MAX;
  const send = async (): Promise<void> => {
    if (draft === null || isMistaken) return;
    if (Number(draft) !== endpoint.weight) await setWeight(pool, endpoint.name, Number(draft));
    setDraft(null);
  };
  const isRamping = Math.abs(endpoint.effective_weight - endpoint.weight) > 0.005;
  return (
    <form
      class="weight-field"
      onSubmit={(event) => {
        event.preventDefault();
        void send();
      }}
    >
      <input
        type="text"
        inputMode="numeric"
        aria-label={`Weight of ${endpoint.name}, 1 to ${WEIGHT_MAX}; Enter sets it`}
        aria-invalid={isMistaken}
        disabled={busy.value.has(endpointKey(pool, endpoint.name))}
        title={isMistaken ? `A whole number from 1 to ${WEIGHT_MAX}` : "Enter sets it"}
        value={value}
        onInput={(event) => setDraft(event.currentTarget.value)}
        onBlur={() => setDraft(null)}
        onKeyDown={(event) => {
          if (event.key === "Escape" && draft !== null) {
            event.stopPropagation();
            setDraft(null);
          }
        }}
      />
      {isRamping && (
        <span class="note" title="Slow start: its weight grows step by step">
          now {endpoint.effective_weight.toFixed(1)}
        </span>
      )}
    </form>
  );
}
