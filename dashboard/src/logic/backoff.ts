// How long to wait before the next try to reach Roundel.

const FIRST_MS = 500;
const LONGEST_MS = 5_000;

/**
 * The pause before try number `attempt` (from 0): twice as long each time, up to five seconds, and
 * shortened by up to a fifth (`random` from 0 to 1), so that many open pages do not come at once.
 */
export function pauseMs(attempt: number, random: number): number {
  const full = Math.min(LONGEST_MS, FIRST_MS * 2 ** Math.min(attempt, 10));
  return full * (1 - 0.2 * random);
}
