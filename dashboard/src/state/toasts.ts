// Short notices of what was done, each with its place in the audit log, where its way back is.

import { signal } from "@preact/signals";

export interface Toast {
  id: number;
  tone: "good" | "bad";
  text: string;
  /** The id of the audit entry that it tells of. */
  entry: number | null;
}

export const toasts = signal<Toast[]>([]);

const SHOWN_MAX = 3;
/** Long enough to read and to reach the button; what failed stays until it is closed. */
const SHOWN_MS = 12_000;

let nextId = 1;

export function notify(tone: Toast["tone"], text: string, entry: number | null = null): void {
  const id = nextId;
  nextId += 1;
  toasts.value = [...toasts.value, { id, tone, text, entry }].slice(-SHOWN_MAX);
  if (tone === "good") setTimeout(() => dismiss(id), SHOWN_MS);
}

export function dismiss(id: number): void {
  toasts.value = toasts.value.filter((toast) => toast.id !== id);
}
