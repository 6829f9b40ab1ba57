// The geometry of a ring of shares.

export interface Arc {
  /** Which share; `null` for all that are too small to be drawn apart. */
  index: number | null;
  path: string;
  isOdd: boolean;
}

const ARCS_MAX = 60;
const CENTRE = 50;
/** Of the whole turn; left out between two arcs. */
const GAP = 0.008;

/** One arc for each share, in order and clockwise from the top, as strokes of a circle of `radius`. */
export function arcs(shares: readonly number[], radius: number): Arc[] {
  const total = shares.reduce((sum, share) => sum + share, 0);
  if (total <= 0) return [];
  const drawn = shares.map((share, index) => ({ index, turn: share / total })).filter((it) => it.turn > 0);
  if (drawn.length === 1) return [{ index: drawn[0]?.index ?? 0, path: ringPath(radius), isOdd: false }];
  if (drawn.length > ARCS_MAX) return [{ index: null, path: ringPath(radius), isOdd: false }];
  let at = 0;
  return drawn.map(({ index, turn }, place) => {
    const from = at + GAP / 2;
    at += turn;
    const to = Math.max(from + 0.002, at - GAP / 2);
    const large = to - from > 0.5 ? 1 : 0;
    const path = `M${point(from, radius)}A${radius} ${radius} 0 ${large} 1 ${point(to, radius)}`;
    return { index, path, isOdd: place % 2 === 1 };
  });
}

function ringPath(radius: number): string {
  const [top, bottom] = [CENTRE - radius, CENTRE + radius];
  return `M50 ${top}A${radius} ${radius} 0 1 1 50 ${bottom}A${radius} ${radius} 0 1 1 50 ${top}`;
}

function point(turn: number, radius: number): string {
  const angle = (turn - 0.25) * 2 * Math.PI;
  return `${(CENTRE + radius * Math.cos(angle)).toFixed(2)} ${(CENTRE + radius * Math.sin(angle)).toFixed(2)}`;
}
