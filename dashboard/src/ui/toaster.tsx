// Notices of what was done, each with its way back for as long as nothing is in it.

import { computed } from "@preact/signals";
import type { Audit } from "../api/types";
import { wayBack } from "../logic/undo";
import { takeBack } from "../state/actions";
import { auditLog, useAuditLog } from "../state/audit";
import { dismiss, type Toast, toasts } from "../state/toasts";
import { Button } from "./button";
import { Glyph } from "./glyph";

/** The newest action among the notices that can be taken back; the key for it is `u`. */
export const lastUndoable = computed(
  () => toasts.value.findLast((toast) => wayBack(entryOf(toast)) !== null) ?? null,
);

export function Toaster() {
  useAuditLog(toasts.value.some((toast) => toast.entry !== null));
  return (
    <div class="toaster" role="status" aria-live="polite">
      {toasts.value.map((toast) => (
        <Notice key={toast.id} toast={toast} />
      ))}
    </div>
  );
}

function Notice({ toast }: { toast: Toast }) {
  const { id, tone, text } = toast;
  return (
    <div class={`toast ${tone}`}>
      <Glyph name={tone === "good" ? "enabled" : "error"} />
      <p>{text}</p>
      {wayBack(entryOf(toast)) && (
        <Button
          icon="undo"
          label={`Undo: ${text}`}
          {...(lastUndoable.value?.id === id ? { keys: "u" } : {})}
          onClick={() => undoOf(toast)}
        >
          Undo
        </Button>
      )}
      <Button icon="close" tone="ghost" label="Dismiss" onClick={() => dismiss(id)} />
    </div>
  );
}

/** Takes back what `toast` tells of. */
export function undoOf(toast: Toast): void {
  const entry = entryOf(toast);
  if (!entry) return;
  dismiss(toast.id);
  void takeBack(entry);
}

function entryOf(toast: Toast): Audit | undefined {
  return toast.entry === null ? undefined : auditLog.value?.find((it) => it.id === toast.entry);
}
