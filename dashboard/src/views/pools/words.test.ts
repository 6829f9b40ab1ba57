import { expect, test } from "vitest";
import { toneOf } from "../../ui/glyph";
import { emptinessOf, standingOf } from "./words";

test("a pool that sleeps by design is no outage, and one that nobody serves is", () => {
  const asleep = standingOf({ tier: "empty", hold: "asleep" });
  expect([asleep.word, toneOf(asleep.glyph)]).toEqual(["asleep", "quiet"]);
  expect(emptinessOf({ hold: "asleep" })).not.toContain("503");
  const expected = standingOf({ tier: "empty", hold: "expected" });
  expect(toneOf(expected.glyph)).toBe("fair");
  const nobody = standingOf({ tier: "empty", hold: null });
  expect([nobody.word, toneOf(nobody.glyph)]).toEqual(["nobody serves", "bad"]);
  expect(emptinessOf({ hold: null })).toContain("503");
});
