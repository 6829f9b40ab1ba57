// What the reader chose for this browser: colours and single-key shortcuts.

import { effect, signal } from "@preact/signals";

export type Theme = "system" | "light" | "dark";

const THEMES: readonly Theme[] = ["system", "light", "dark"];

export const theme = signal<Theme>(THEMES.find((it) => it === stored("theme")) ?? "system");
export const hasShortcuts = signal(stored("shortcuts") !== "off");

const systemIsDark = matchMedia("(prefers-color-scheme: dark)");
export const isDark = signal(false);

/** Applies the preferences now and whenever they change. */
export function applyPreferences(): void {
  const settle = (): void => {
    isDark.value = theme.value === "dark" || (theme.value === "system" && systemIsDark.matches);
    document.documentElement.dataset.theme = isDark.value ? "dark" : "light";
  };
  systemIsDark.addEventListener("change", settle);
  effect(() => {
    settle();
    store("theme", theme.value);
    store("shortcuts", hasShortcuts.value ? "on" : "off");
  });
}

export function nextTheme(): void {
  const at = THEMES.indexOf(theme.value);
  theme.value = THEMES[(at + 1) % THEMES.length] ?? "system";
}

// Storage may be forbidden: the page then forgets, and works.
function stored(key: string): string | null {
  try {
    return localStorage.getItem(`roundel.${key}`);
  } catch {
    return null;
  }
}

function store(key: string, value: string): void {
  try {
    localStorage.setItem(`roundel.${key}`, value);
  } catch {
    // See above.
  }
}
