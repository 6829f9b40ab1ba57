import { expect, test } from "vitest";
import type { Audit } from "../api/types";
import { hindrance, wayBack } from "./undo";

const undo = { method: "PATCH", path: "/one", body: { weight: 1 } };

function entry(id: number, obstacle: Audit["obstacle"] = null): Audit {
  const [at, who, action, target] = ["2026-11-27T10:00:00.000Z", "::1", "endpoint.update", "web/one"];
  const rest = { before: {}, after: {}, ok: true, count: 1, detail: null, undo };
  return { id, at, who, action, target, ...rest, obstacle };
}

test("what nothing is in the way of can be taken back", () => {
  expect(wayBack(entry(1))).toBe(undo);
  expect(hindrance(entry(1), [])).toBeNull();
  expect(wayBack(undefined)).toBeNull();
});

test("what is in the way is told with the entry that it is", () => {
  const by = entry(2);
  const changed = entry(1, { reason: "changed_since", by: 2, message: "" });
  expect(wayBack(changed)).toBeNull();
  expect(hindrance(changed, [by, changed])).toEqual({ text: "Changed again", by });
  expect(hindrance(changed, [changed])).toEqual({ text: "Changed again", by: null });
  const taken = entry(1, { reason: "taken_back", by: 2, message: "" });
  expect(hindrance(taken, [by, taken])).toEqual({ text: "Taken back", by });
});

test("what was refused needs no further word, and what cannot be undone has one", () => {
  const alone = (reason: "not_done" | "no_way" | "changed_nothing") =>
    hindrance(entry(1, { reason, by: null, message: "" }), [])?.text;
  expect([alone("not_done"), alone("no_way"), alone("changed_nothing")]).toEqual([
    undefined,
    "No way back",
    "Changed nothing",
  ]);
});
