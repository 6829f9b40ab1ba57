// How endpoints are told apart, found and ordered.

import type { Endpoint } from "../api/types";

/**
 * The one word for an endpoint's state where there is room for one only. The three facts stay apart
 * everywhere else; here intent comes first, since it explains the rest, and
 * then whether a process is there at all. Silence is told of who would take traffic but for it.
 */
export type Standing =
  | "healthy"
  | "starting"
  | "unknown"
  | "absent"
  | "unhealthy"
  | "ejected"
  | "silent"
  | "draining"
  | "disabled"
  | "backup";

export function standing(endpoint: Endpoint): Standing {
  if (endpoint.admin_state !== "enabled") return endpoint.admin_state;
  if (endpoint.presence !== "present") return endpoint.presence;
  if (endpoint.ejected_until !== null) return "ejected";
  if (endpoint.is_silent && endpoint.health !== "unhealthy") return "silent";
  if (endpoint.health === "healthy" && endpoint.is_backup) return "backup";
  return endpoint.health;
}

export const STANDINGS: readonly Standing[] = [
  "healthy",
  "starting",
  "unknown",
  "absent",
  "unhealthy",
  "ejected",
  "silent",
  "draining",
  "disabled",
  "backup",
];

/** How many endpoints stand how; only what there is, in a fixed order. */
export function tally(endpoints: readonly Endpoint[]): { standing: Standing; amount: number }[] {
  const amounts = new Map<Standing, number>();
  for (const endpoint of endpoints) {
    const key = standing(endpoint);
    amounts.set(key, (amounts.get(key) ?? 0) + 1);
  }
  return STANDINGS.flatMap((key) => {
    const amount = amounts.get(key) ?? 0;
    return amount > 0 ? [{ standing: key, amount }] : [];
  });
}

export type SortKey = "order" | "name" | "state" | "rate" | "share" | "latency" | "errors" | "in_flight";

export interface Selection {
  text: string;
  standing: Standing | "";
  sort: SortKey;
  isDescending: boolean;
}

/** The endpoints that match, in the wished order; equal ones stay in the pool's order. */
export function select(endpoints: readonly Endpoint[], wish: Selection): Endpoint[] {
  const words = wish.text.toLowerCase().split(/\s+/).filter(Boolean);
  const found = endpoints.filter((endpoint) => {
    if (wish.standing !== "" && standing(endpoint) !== wish.standing) return false;
    const text = `${endpoint.name} ${endpoint.address} ${endpoint.source}`.toLowerCase();
    return words.every((word) => text.includes(word));
  });
  if (wish.sort === "order") return wish.isDescending ? found.reverse() : found;
  const sign = wish.isDescending ? -1 : 1;
  const compare = COMPARISONS[wish.sort];
  return found.sort((a, b) => sign * compare(a, b));
}

const COMPARISONS: Record<Exclude<SortKey, "order">, (a: Endpoint, b: Endpoint) => number> = {
  name: (a, b) => a.name.localeCompare(b.name, "en", { numeric: true }),
  state: (a, b) => STANDINGS.indexOf(standing(a)) - STANDINGS.indexOf(standing(b)),
  rate: (a, b) => a.requests_per_second - b.requests_per_second,
  share: (a, b) => a.share - b.share,
  latency: (a, b) => (a.latency_ms?.p95 ?? -1) - (b.latency_ms?.p95 ?? -1),
  errors: (a, b) => a.error_rate - b.error_rate || a.failures_total - b.failures_total,
  in_flight: (a, b) => a.in_flight - b.in_flight,
};
