// Notices of what was done, with the way back of the last action.

import { takeBack } from "../state/actions";
import { dismiss, toasts } from "../state/toasts";
import { Button } from "./button";
import { Glyph } from "./glyph";

export function Toaster() {
  return (
    <div class="toaster" role="status" aria-live="polite">
      {toasts.value.map(({ id, tone, text, undo }) => (
        <div key={id} class={`toast ${tone}`}>
          <Glyph name={tone === "good" ? "enabled" : "error"} />
          <p>{text}</p>
          {undo && (
            <Button icon="undo" onClick={() => void takeBack(undo)} keys="u">
              Undo
            </Button>
          )}
          <Button icon="close" tone="ghost" label="Dismiss" onClick={() => dismiss(id)} />
        </div>
      ))}
    </div>
  );
}
