// The last five minutes of a figure, point by point: what charts draw.
//
// It begins with what `/history` holds and grows by one point with each state. A pause in the
// stream leaves a gap, drawn as one, so that no line claims what nobody saw.

import type { History, Series, State, Traffic } from "../api/types";

export const POINTS_MAX = 300;

/** Points further apart than this have a gap between them. */
const GAP_SECONDS = 3;

export interface Figures {
  requests_per_second: number | null;
  error_rate: number | null;
  in_flight: number | null;
  p50_ms: number | null;
  p95_ms: number | null;
  p99_ms: number | null;
}

export interface Track {
  /** Seconds since the epoch, ascending. */
  at: number[];
  points: Figures[];
}

export const EMPTY: Track = { at: [], points: [] };

const NOTHING: Figures = {
  requests_per_second: null,
  error_rate: null,
  in_flight: null,
  p50_ms: null,
  p95_ms: null,
  p99_ms: null,
};

export function figures(traffic: Traffic): Figures {
  return {
    requests_per_second: traffic.requests_per_second,
    error_rate: traffic.error_rate,
    in_flight: traffic.in_flight,
    p50_ms: traffic.latency_ms?.p50 ?? null,
    p95_ms: traffic.latency_ms?.p95 ?? null,
    p99_ms: traffic.latency_ms?.p99 ?? null,
  };
}

/** The track that a history's series begins. */
export function fromSeries(series: Series, at: string, intervalMs: number): Track {
  const length = series.requests_per_second.length;
  const end = Date.parse(at) / 1000;
  const track: Track = { at: [], points: [] };
  for (let index = 0; index < length; index += 1) {
    track.at.push(end - ((length - 1 - index) * intervalMs) / 1000);
    track.points.push({
      requests_per_second: series.requests_per_second[index] ?? null,
      error_rate: series.error_rate[index] ?? null,
      in_flight: series.in_flight[index] ?? null,
      p50_ms: series.p50_ms[index] ?? null,
      p95_ms: series.p95_ms[index] ?? null,
      p99_ms: series.p99_ms[index] ?? null,
    });
  }
  return bounded(track);
}

/** `track` with one more point; a point that is not newer than the last changes nothing. */
export function extended(track: Track, at: number, point: Figures): Track {
  const last = track.at.at(-1);
  if (last !== undefined && at <= last + 0.2) return track;
  const next: Track = { at: track.at.slice(), points: track.points.slice() };
  if (last !== undefined && at - last > GAP_SECONDS) {
    next.at.push(last + 1);
    next.points.push(NOTHING);
  }
  next.at.push(at);
  next.points.push(point);
  return bounded(next);
}

/** Only the points of the last five minutes. */
function bounded(track: Track): Track {
  const last = track.at.at(-1) ?? 0;
  const from = track.at.findIndex((at) => at > last - POINTS_MAX);
  const start = Math.max(from, track.at.length - POINTS_MAX - 2, 0);
  return start === 0 ? track : { at: track.at.slice(start), points: track.points.slice(start) };
}

export interface Tracks {
  totals: Track;
  pools: Map<string, Track>;
}

export function fromHistory(history: History): Tracks {
  const one = (series: Series): Track => fromSeries(series, history.at, history.interval_ms);
  const pools = Object.entries(history.pools).map(([name, series]) => [name, one(series)] as const);
  return { totals: one(history.totals), pools: new Map(pools) };
}

/** The tracks with what `state` says now; pools that are gone are forgotten. */
export function withState(tracks: Tracks, state: State): Tracks {
  const at = Date.parse(state.now) / 1000;
  const pools = state.pools.map((pool) => {
    const track = tracks.pools.get(pool.name) ?? EMPTY;
    return [pool.name, extended(track, at, figures(pool.traffic))] as const;
  });
  return { totals: extended(tracks.totals, at, figures(state.totals)), pools: new Map(pools) };
}

/** The values of one figure, for a chart. */
export function column(track: Track, key: keyof Figures): (number | null)[] {
  return track.points.map((point) => point[key]);
}
