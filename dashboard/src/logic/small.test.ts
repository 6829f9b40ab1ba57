// Tests of the small pieces: ring, back-off, rates, arcs, visible rows, places, diffs, codes.

import { describe, expect, test } from "vitest";
import { endpoint, pool } from "../../mock/scenario";
import { arcs } from "./arcs";
import { pauseMs } from "./backoff";
import { explainEnd, explainFailure, isErrorEnd, rows } from "./codes";
import { diffLines } from "./diff";
import { RATE_POINTS, Rates } from "./rates";
import { Ring } from "./ring";
import { linkTo, parsePlace } from "./route";
import { visibleRows } from "./visible";

test("a ring forgets the oldest and stays bounded", () => {
  const ring = new Ring<number>(3);
  for (let i = 1; i <= 100; i += 1) ring.push(i);
  expect(ring.items()).toEqual([98, 99, 100]);
  expect([ring.length, ring.last()]).toEqual([3, 100]);
  ring.clear();
  expect(ring.items()).toEqual([]);
});

test("pauses double up to five seconds, and never vanish", () => {
  expect([0, 1, 2, 3, 4, 50].map((attempt) => pauseMs(attempt, 0))).toEqual([
    500, 1000, 2000, 4000, 5000, 5000,
  ]);
  expect(pauseMs(0, 1)).toBe(400);
});

test("rates keep a minute of each endpoint and forget those that are gone", () => {
  const rates = new Rates();
  const one = endpoint("a", "127.0.0.1:1", { requests_per_second: 5 });
  for (let i = 0; i < RATE_POINTS + 10; i += 1) rates.take([pool("p", [one])]);
  expect(rates.of("p", "a")).toHaveLength(RATE_POINTS);
  rates.take([pool("p", [])]);
  expect(rates.of("p", "a")).toEqual([]);
});

describe("arcs", () => {
  test("there is one for each share that is not nothing", () => {
    expect(arcs([0.5, 0, 0.5], 40).map((arc) => arc.index)).toEqual([0, 2]);
    expect(arcs([], 40)).toEqual([]);
    expect(arcs([0, 0], 40)).toEqual([]);
  });
  test("a single share and too many shares are a whole ring", () => {
    expect(arcs([0, 1], 40)).toMatchObject([{ index: 1 }]);
    expect(
      arcs(
        Array.from({ length: 1000 }, () => 0.001),
        40,
      ),
    ).toMatchObject([{ index: null }]);
  });
});

describe("visible rows", () => {
  test("cover the window with a margin, wherever it is", () => {
    for (const above of [-300, 0, 777, 20_000, 55_000]) {
      const [start, end] = visibleRows(above, 900, 56, 1000);
      expect(start * 56).toBeLessThanOrEqual(Math.max(0, above));
      expect(end * 56).toBeGreaterThanOrEqual(Math.min(56_000, above + 900));
      expect(end - start).toBeLessThanOrEqual(48);
    }
  });
  test("stay within the list", () => {
    expect(visibleRows(1e9, 900, 56, 10)).toEqual([9, 10]);
    expect(visibleRows(0, 900, 56, 0)).toEqual([0, 0]);
  });
});

describe("places", () => {
  test.each([
    ["", "overview", []],
    ["#/", "overview", []],
    ["#/pools/web/Server%201", "pools", ["web", "Server 1"]],
    ["#/pools/a%2Fb", "pools", ["a/b"]],
    ["#/nowhere/at/all", "overview", []],
    ["#/pools/%E0%A4%A", "pools", ["%E0%A4%A"]],
  ])("%s", (hash, view, path) => expect(parsePlace(hash)).toMatchObject({ view, path }));

  test("a link leads to where it says", () => {
    const query = { status: "5xx", path: "/a&b=c" };
    expect(parsePlace(linkTo("requests", ["7"], query))).toEqual({ view: "requests", path: ["7"], query });
    expect(linkTo("overview")).toBe("#/");
    expect(linkTo("requests", [], { status: "" })).toBe("#/requests");
  });
});

test("each line of a diff knows what it is", () => {
  const kinds = diffLines("--- a\n+++ b\n@@ -1 +1 @@\n same\n-old\n+new\n").map((line) => line.kind);
  expect(kinds).toEqual(["place", "place", "place", "same", "removed", "added"]);
});

test("codes are explained in the words of the reference", () => {
  expect(explainEnd("no_route")).toContain("404");
  expect(explainFailure("connect")).toContain("refused");
  expect(explainEnd("connect")).toBe("connect");
  expect(explainEnd("of_tomorrow")).toBe("of_tomorrow");
  expect([...rows("| Code | Meaning |\n|---|---|\n| `a_b` | A `c` | d. |\n")]).toEqual([
    ["a_b", { text: "A c | d.", isError: false }],
  ]);
  expect(["ok", "client_closed", "response_timeout", "of another version"].map(isErrorEnd)).toEqual([
    false,
    false,
    true,
    true,
  ]);
});
