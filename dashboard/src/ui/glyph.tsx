// The signs of states: small roundels, told apart by shape before colour.

import type { JSX } from "preact";

export type GlyphName =
  | "healthy"
  | "unknown"
  | "unhealthy"
  | "ejected"
  | "silent"
  | "draining"
  | "disabled"
  | "backup"
  | "enabled"
  | "starting"
  | "asleep"
  | "ready"
  | "stopping"
  | "stopped"
  | "absent"
  | "backoff"
  | "failed"
  | "info"
  | "warn"
  | "error";

export type Tone = "good" | "fair" | "bad" | "quiet" | "accent";

const RING = <circle cx="8" cy="8" r="6" />;
const DISC = <circle class="solid" cx="8" cy="8" r="3" />;
const CROSS = <path d="M5.6 5.6l4.8 4.8M10.4 5.6l-4.8 4.8" />;

const SHAPES: Record<GlyphName, [Tone, JSX.Element | JSX.Element[]]> = {
  healthy: ["good", [RING, DISC]],
  ready: ["good", [RING, DISC]],
  enabled: ["quiet", [RING, <path d="M5.2 8.2l2 2 3.6-4.2" />]],
  unknown: ["quiet", <circle cx="8" cy="8" r="6" stroke-dasharray="2.4 2.3" />],
  unhealthy: ["bad", [RING, CROSS]],
  failed: ["bad", [RING, CROSS]],
  ejected: ["bad", [<path d="M12.6 4.2A6 6 0 1 0 14 8" />, <path d="M8 8l6-6M10.4 2H14v3.6" />]],
  silent: ["fair", [RING, <path d="M5 8h.01M8 8h.01M11 8h.01" />]],
  draining: ["fair", [RING, <path class="solid" d="M3.6 8.6h8.8a4.4 4.4 0 0 1-8.8 0z" />]],
  stopping: ["fair", [RING, <path class="solid" d="M3.6 8.6h8.8a4.4 4.4 0 0 1-8.8 0z" />]],
  disabled: ["quiet", [RING, <path d="M4.6 8h6.8" />]],
  asleep: ["quiet", <path d="M13.6 9.6A6 6 0 1 1 6.4 2.4a4.8 4.8 0 0 0 7.2 7.2z" />],
  stopped: ["quiet", [RING, <rect class="solid" x="5.8" y="5.8" width="4.4" height="4.4" />]],
  absent: ["bad", [<circle cx="8" cy="8" r="6" stroke-dasharray="2.4 2.3" />, CROSS]],
  backup: ["accent", [RING, <circle cx="8" cy="8" r="2.4" />]],
  starting: ["accent", [<path d="M8 2a6 6 0 1 1-6 6" />, <path d="M8 4.8V8l2.2 1.6" />]],
  backoff: ["fair", [RING, <path d="M8 4.8V8l2.2 1.6" />]],
  info: ["accent", [RING, <path d="M8 7.4v3.4M8 5v.4" />]],
  warn: ["fair", [<path d="M8 2.2L14.4 13.4H1.6z" />, <path d="M8 6.4v3.4M8 11.5v.3" />]],
  error: ["bad", [RING, <path d="M8 4.8v4M8 10.8v.4" />]],
};

export function toneOf(name: GlyphName): Tone {
  return SHAPES[name][0];
}

/** The sign alone; the word beside it tells the same to who cannot see it. */
export function Glyph({ name }: { name: GlyphName }) {
  const [tone, shape] = SHAPES[name];
  return (
    <svg class={`glyph ${tone}`} viewBox="0 0 16 16" aria-hidden="true">
      {shape}
    </svg>
  );
}

/** A state as sign and word. */
export function Mark({ name, text, title }: { name: GlyphName; text?: string; title?: string }) {
  return (
    <span class={`mark ${toneOf(name)}`} title={title}>
      <Glyph name={name} />
      <span>{text ?? name}</span>
    </span>
  );
}
