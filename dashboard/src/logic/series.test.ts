import { expect, test } from "vitest";
import { firstState, pool } from "../../mock/scenario";
import type { Series } from "../api/types";
import { column, EMPTY, extended, figures, fromHistory, POINTS_MAX, withState } from "./series";

const AT = "2026-01-01T00:10:00.000Z";
const SECONDS = Date.parse(AT) / 1000;
const POINT = figures({ ...firstState("quiet", AT).totals, requests_per_second: 9 });

function series(length: number): Series {
  const values = Array.from({ length }, (_, index) => index);
  const none = values.map(() => null);
  return {
    requests_per_second: values,
    error_rate: values,
    in_flight: values,
    p50_ms: none,
    p95_ms: none,
    p99_ms: none,
  };
}

test("history ends at its time, one point a second", () => {
  const { totals } = fromHistory({ interval_ms: 1000, at: AT, totals: series(3), pools: {} });
  expect(totals.at).toEqual([SECONDS - 2, SECONDS - 1, SECONDS]);
  expect(column(totals, "requests_per_second")).toEqual([0, 1, 2]);
});

test("a track stays bounded and its times ascend", () => {
  let track = EMPTY;
  for (let second = 0; second < 1000; second += 1) track = extended(track, second, POINT);
  expect(track.at.length).toBeLessThanOrEqual(POINTS_MAX + 2);
  expect(track.at.at(-1)).toBe(999);
  expect(track.at).toEqual(track.at.slice().sort((a, b) => a - b));
});

test("what came before or at the same time changes nothing", () => {
  const track = extended(EMPTY, 10, POINT);
  expect(extended(track, 10, POINT)).toBe(track);
  expect(extended(track, 9, POINT)).toBe(track);
});

test("a pause leaves a gap", () => {
  const track = extended(extended(EMPTY, 10, POINT), 20, POINT);
  expect(column(track, "requests_per_second")).toEqual([9, null, 9]);
});

test("a state extends its pools and forgets others", () => {
  const history = {
    interval_ms: 1000,
    at: AT,
    totals: series(2),
    pools: { web: series(2), gone: series(2) },
  };
  const state = firstState("quiet", new Date(Date.parse(AT) + 1000).toISOString());
  state.pools = [pool("web", []), pool("new", [])];
  const tracks = withState(fromHistory(history), state);
  expect([...tracks.pools.keys()]).toEqual(["web", "new"]);
  expect(tracks.pools.get("web")?.at).toHaveLength(3);
});
