// Single keys that act, unless the reader types or has turned them off.

import { useEffect } from "preact/hooks";
import type { ViewName } from "../logic/route";
import { go } from "../state/place";
import { hasShortcuts, nextTheme } from "../state/preferences";
import { lastUndoable, undoOf } from "../ui/toaster";
import { isHelpOpen } from "./help";

const VIEW_KEYS: Readonly<Record<string, ViewName>> = {
  o: "overview",
  p: "pools",
  a: "apps",
  r: "requests",
  c: "config",
};

/** After `g`, how long the second key may take. */
const SEQUENCE_MS = 1_200;

export function useShortcuts(): void {
  useEffect(() => {
    let goneAt = 0;
    const onKey = (event: KeyboardEvent): void => {
      if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
      if (event.key === "?") {
        isHelpOpen.value = !isHelpOpen.value;
        event.preventDefault();
        return;
      }
      if (!hasShortcuts.value || isHelpOpen.value) return;
      const view = VIEW_KEYS[event.key];
      if (view && event.timeStamp - goneAt < SEQUENCE_MS) {
        goneAt = 0;
        go(view);
      } else if (event.key === "g") {
        goneAt = event.timeStamp;
      } else if (press(event.key)) {
        event.preventDefault();
      }
    };
    document.addEventListener("keydown", onKey);
    return () => document.removeEventListener("keydown", onKey);
  }, []);
}

/** Acts on a single key; whether it did. */
function press(key: string): boolean {
  if (key === "t") {
    nextTheme();
    return true;
  }
  if (key === "u") {
    const toast = lastUndoable.value;
    if (toast) undoOf(toast);
    return toast !== null;
  }
  const target = { "/": "[data-key='/']", p: "[data-key='p'] button" }[key];
  const element = target ? document.querySelector<HTMLElement>(target) : null;
  if (key === "/") element?.focus();
  else element?.click();
  return element !== null;
}

function isTyping(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false;
  if (target instanceof HTMLInputElement) return !["checkbox", "range", "radio"].includes(target.type);
  return target instanceof HTMLTextAreaElement || target instanceof HTMLSelectElement;
}
