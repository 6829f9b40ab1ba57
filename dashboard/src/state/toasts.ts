// Short notices of what was done, the newest with its way back.

import { signal } from "@preact/signals";
import type { Undo } from "../api/types";

export interface Toast {
  id: number;
  tone: "good" | "bad";
  text: string;
  undo: Undo | null;
}

export const toasts = signal<Toast[]>([]);

const SHOWN_MAX = 3;
/** Long enough to read and to reach the button; what failed stays until it is closed. */
const SHOWN_MS = 12_000;

let nextId = 1;

export function notify(tone: Toast["tone"], text: string, undo: Undo | null = null): void {
  const id = nextId;
  nextId += 1;
  // Only the last action can be taken back from here: older ones are in the audit trail.
  const older = toasts.value.map((toast) => ({ ...toast, undo: null }));
  toasts.value = [...older, { id, tone, text, undo }].slice(-SHOWN_MAX);
  if (tone === "good") setTimeout(() => dismiss(id), SHOWN_MS);
}

export function dismiss(id: number): void {
  toasts.value = toasts.value.filter((toast) => toast.id !== id);
}
