// The filters of the request log and the parts of a request's time.

import type { RequestDetail, RequestSummary } from "../api/types";

export interface RequestFilter {
  pool: string;
  endpoint: string;
  /** A class as `5xx` or one status as `404`. */
  status: string;
  method: string;
  /** A part of the path. */
  path: string;
  min_ms: string;
}

export const NO_FILTER: RequestFilter = {
  pool: "",
  endpoint: "",
  status: "",
  method: "",
  path: "",
  min_ms: "",
};

/** The filter in a place's query; unknown keys are left out. */
export function filterFrom(query: Record<string, string>): RequestFilter {
  const filter = { ...NO_FILTER };
  for (const key of Object.keys(NO_FILTER) as (keyof RequestFilter)[]) filter[key] = query[key] ?? "";
  return filter;
}

/** The filter as the API's query, without what is empty; `""` when all is. */
export function queryOf(filter: RequestFilter, extra: Record<string, string> = {}): string {
  const kept = Object.entries({ ...filter, ...extra }).filter(([, value]) => value.trim() !== "");
  const search = new URLSearchParams(kept.map(([key, value]) => [key, value.trim()])).toString();
  return search === "" ? "" : `?${search}`;
}

/** What is wrong with a filter, in words; `null` when nothing is. */
export function mistake(filter: RequestFilter): string | null {
  if (filter.status !== "" && !/^[1-5](xx|\d\d)$/.test(filter.status)) {
    return "Status: a class such as 5xx or a number such as 404";
  }
  if (filter.min_ms !== "" && !/^\d+(\.\d+)?$/.test(filter.min_ms)) {
    return "Minimum time: a number of milliseconds";
  }
  return null;
}

export type PartName = "queue" | "retries" | "connect" | "first byte" | "rest";

export interface Part {
  name: PartName;
  ms: number;
  /** Of the whole. */
  share: number;
}

/**
 * Where the time of a request went, in order: waiting for a place, attempts that failed, connecting,
 * waiting for the first byte, and the rest. The parts add up to the whole.
 */
export function timeParts(request: RequestSummary | RequestDetail): Part[] {
  const total = Math.max(0, request.total_ms);
  const connect = request.connect_ms ?? 0;
  const parts: [PartName, number][] = [
    ["queue", request.queue_ms ?? 0],
    ["retries", failedMs(request)],
    ["connect", connect],
    // It is counted from the start of the attempt, so connecting is in it.
    ["first byte", (request.first_byte_ms ?? 0) - connect],
  ];
  let left = total;
  const found: Part[] = [];
  for (const [name, ms] of parts) {
    const taken = Math.min(Math.max(0, ms), left);
    left -= taken;
    if (taken > 0) found.push({ name, ms: taken, share: taken / total });
  }
  if (left > 0 || found.length === 0) {
    found.push({ name: "rest", ms: left, share: total > 0 ? left / total : 1 });
  }
  return found;
}

/** Time from the first attempt to the last one, which the summary's parts do not hold. */
function failedMs(request: RequestSummary | RequestDetail): number {
  if (!("attempts_made" in request)) return 0;
  const start = request.attempts_made[0]?.started_ms ?? 0;
  return Math.max(0, (request.attempts_made.at(-1)?.started_ms ?? start) - start);
}

/** What the longest bar of a list stands for: a power of ten, so that bars seldom change their scale. */
export function longestOf(requests: readonly RequestSummary[]): number {
  const longest = requests.reduce((most, it) => Math.max(most, it.total_ms), 1);
  return 10 ** Math.ceil(Math.log10(longest));
}

/** The length of a bar, 0 to 1: a logarithm, as one list holds microseconds and minutes. */
export function barLength(ms: number, longest: number): number {
  return Math.min(1, Math.log1p(Math.max(0, ms)) / Math.log1p(longest));
}

export type StatusTone = "good" | "plain" | "fair" | "bad";

/** How a status reads: only what needs attention stands out. */
export function statusTone(status: number | null): StatusTone {
  if (status === null) return "bad";
  if (status >= 500) return "bad";
  if (status >= 400) return "fair";
  return status >= 300 ? "plain" : "good";
}
