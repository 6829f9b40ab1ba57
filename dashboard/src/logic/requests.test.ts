import { describe, expect, test } from "vitest";
import { Simulation } from "../../mock/simulation";
import type { RequestDetail } from "../api/types";
import {
  barLength,
  filterFrom,
  longestOf,
  mistake,
  NO_FILTER,
  queryOf,
  statusTone,
  timeParts,
} from "./requests";

function request(more: Partial<RequestDetail>): RequestDetail {
  const made = new Simulation("demo", 1_700_000_000_000).request(1_700_000_000_000);
  if (!made) throw new Error("the demo has requests");
  return { ...made, attempts_made: [], queue_ms: 0, connect_ms: 0, first_byte_ms: 0, ...more };
}

describe("filters", () => {
  test("only what is asked for is sent", () => {
    expect(queryOf(NO_FILTER)).toBe("");
    const filter = filterFrom({ path: "/a&b", status: "5xx", unknown: "x" });
    expect(queryOf(filter, { limit: "100" })).toBe("?status=5xx&path=%2Fa%26b&limit=100");
  });

  test.each([
    [{}, null],
    [{ status: "5xx", min_ms: "12.5" }, null],
    [{ status: "404" }, null],
    [{ status: "9xx" }, "Status"],
    [{ status: "50" }, "Status"],
    [{ min_ms: "fast" }, "Minimum"],
    [{ min_ms: "-1" }, "Minimum"],
  ])("%o", (filter, expected) => {
    const said = mistake({ ...NO_FILTER, ...filter });
    if (expected === null) expect(said).toBeNull();
    else expect(said).toContain(expected);
  });
});

describe("the parts of a request's time", () => {
  test("add up to the whole", () => {
    const parts = timeParts(request({ total_ms: 10, queue_ms: 1, connect_ms: 2, first_byte_ms: 6 }));
    expect(parts.map((part) => [part.name, part.ms])).toEqual([
      ["queue", 1],
      ["connect", 2],
      ["first byte", 4],
      ["rest", 3],
    ]);
    expect(parts.reduce((sum, part) => sum + part.share, 0)).toBeCloseTo(1);
  });

  test("never exceed the whole, and a request of no time has one part", () => {
    const parts = timeParts(request({ total_ms: 5, queue_ms: 4, first_byte_ms: 9 }));
    expect(parts.map((part) => part.ms)).toEqual([4, 1]);
    expect(timeParts(request({ total_ms: 0 }))).toEqual([{ name: "rest", ms: 0, share: 1 }]);
  });

  test("show what failed attempts took", () => {
    const [first] = new Simulation("demo", 1_700_000_000_000).request(1_700_000_000_000)?.attempts_made ?? [];
    if (!first) throw new Error("every request has an attempt");
    const attempts_made = [
      { ...first, started_ms: 1 },
      { ...first, started_ms: 4 },
    ];
    const parts = timeParts(request({ total_ms: 10, queue_ms: 1, attempts_made }));
    expect(parts.find((part) => part.name === "retries")?.ms).toBe(3);
  });
});

test("a bar is as long as its request took, by a scale that seldom changes", () => {
  const all = [0.2, 5, 43].map((total_ms) => request({ total_ms }));
  const longest = longestOf(all);
  expect(longest).toBe(100);
  const lengths = all.map((it) => Math.round(barLength(it.total_ms, longest) * 100));
  expect(lengths).toEqual([4, 39, 82]);
  expect([longestOf([]), barLength(0, 1), barLength(-1, 1), barLength(9, 1)]).toEqual([1, 0, 0, 1]);
});

test("only what needs attention stands out", () => {
  expect([200, 304, 404, 502, null].map(statusTone)).toEqual(["good", "plain", "fair", "bad", "bad"]);
});
