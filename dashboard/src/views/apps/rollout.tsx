// How far a rolling restart has come, or why it stopped.

import type { Rollout } from "../../api/types";
import { Mark } from "../../ui/glyph";

export function RolloutProgress({ rollout }: { rollout: Rollout }) {
  const { state, updated, total, reason } = rollout;
  if (state === "done") return null;
  return (
    <div class={`rollout ${state}`}>
      {state === "running" ? (
        <label>
          Rolling restart: {updated} of {total}
          <progress value={updated} max={Math.max(1, total)} />
        </label>
      ) : (
        <p>
          <Mark name="error" text={`Rolling restart stopped at ${updated} of ${total}`} />
          {reason && `: ${reason}`}
        </p>
      )}
    </div>
  );
}
