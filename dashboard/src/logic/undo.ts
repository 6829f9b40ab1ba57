// Whether what was done can be taken back, in words for those who look at it. Roundel decides.

import type { Audit, Undo } from "../api/types";

/** The request that takes `entry` back, when nothing is in the way. */
export function wayBack(entry: Audit | undefined): Undo | null {
  return entry && entry.obstacle === null ? entry.undo : null;
}

export interface Hindrance {
  text: string;
  /** The later entry that it is, when it is among those that are kept. */
  by: Audit | null;
}

/** Why there is no way back; `null` when there is one, and where it goes without saying. */
export function hindrance(entry: Audit, entries: readonly Audit[]): Hindrance | null {
  const { obstacle } = entry;
  if (obstacle === null) return null;
  const by = entries.find((it) => it.id === obstacle.by) ?? null;
  switch (obstacle.reason) {
    case "not_done":
      return null;
    case "no_way":
      return { text: "No way back", by };
    case "changed_nothing":
      return { text: "Changed nothing", by };
    case "taken_back":
      return { text: "Taken back", by };
    case "changed_since":
      return { text: "Changed again", by };
  }
}
