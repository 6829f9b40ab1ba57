// Words for the states of pools and endpoints.

import type { Pool, Presence, Source, Tier } from "../../api/types";
import type { GlyphName } from "../../ui/glyph";

export interface Standing {
  glyph: GlyphName;
  word: string;
  text: string;
}

const TIERS: Record<Tier, Standing> = {
  primary: { glyph: "healthy", word: "serving", text: "Eligible endpoints take traffic" },
  backup: {
    glyph: "backup",
    word: "on backup",
    text: "No primary endpoint is eligible: backups take traffic",
  },
  panic: { glyph: "warn", word: "fail open", text: "Too few endpoints are well: all take traffic" },
  unprobed: {
    glyph: "unknown",
    word: "unprobed",
    text: "No endpoint is known to be healthy yet: unprobed ones take traffic",
  },
  empty: { glyph: "error", word: "nobody serves", text: "No endpoint takes traffic" },
};

const HOLDS: Record<NonNullable<Pool["hold"]>, Standing> = {
  asleep: { glyph: "asleep", word: "asleep", text: "Asleep: the next request starts an instance" },
  expected: {
    glyph: "backoff",
    word: "requests wait",
    text: "No endpoint takes traffic yet: requests wait for one that is expected",
  },
};

/** Who takes the traffic of a pool, or what becomes of its requests when nobody does. */
export function standingOf({ tier, hold }: Pick<Pool, "tier" | "hold">): Standing {
  return hold === null ? TIERS[tier] : HOLDS[hold];
}

/** What is said where the endpoints of a pool would be. */
export function emptinessOf({ hold }: Pick<Pool, "hold">): string {
  if (hold === "asleep") return "Nobody needs one. The next request waits until its instance is ready.";
  if (hold === "expected") return "Requests to this pool wait for the one that is expected.";
  return "Requests to this pool are answered with 503 until there is one.";
}

export const SOURCES: Record<Source, string> = {
  file: "from the configuration file",
  api: "added while running",
  app: "an instance of an app",
  docker: "a container",
};

export const PRESENCES: Record<Presence, string> = {
  present: "a process should answer there",
  starting: "its process is starting",
  absent: "no process runs there",
};

/** What it means that an endpoint is silent, and what can be done about it. */
export const SILENCE =
  "It took requests and answers none. New ones go elsewhere while others can take them; its first answer " +
  "ends this. Its process may hang or be stopped: look at it, restart it, or drain the endpoint, which " +
  "keeps away even the requests that try whether it answers again.";
