// Words for the states of pools and endpoints.

import type { Presence, Source, Tier } from "../../api/types";
import type { GlyphName } from "../../ui/glyph";

export const TIERS: Record<Tier, { glyph: GlyphName; word: string; text: string }> = {
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
