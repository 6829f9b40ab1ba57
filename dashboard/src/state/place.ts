// The place the page is at, kept in the address bar.

import { computed, signal } from "@preact/signals";
import { linkTo, parsePlace, type ViewName } from "../logic/route";

const hash = signal(location.hash);

export const place = computed(() => parsePlace(hash.value));

export function followAddress(): void {
  window.addEventListener("hashchange", () => {
    hash.value = location.hash;
  });
}

export function go(view: ViewName, path: readonly string[] = [], query: Record<string, string> = {}): void {
  location.hash = linkTo(view, path, query);
}

/** Changes the address without a step in the browser's history: for filters that follow typing. */
export function amend(view: ViewName, path: readonly string[], query: Record<string, string>): void {
  history.replaceState(null, "", linkTo(view, path, query));
  hash.value = location.hash;
}
