import { expect, test } from "vitest";
import { endpoint } from "../../mock/scenario";
import { type Selection, select, standing, tally } from "./endpoints";

const ALL: Selection = { text: "", standing: "", sort: "order", isDescending: false };

const LIST = [
  endpoint("Server 10", "127.0.0.1:5010", { requests_per_second: 5 }),
  endpoint("Server 2", "127.0.0.1:5002", { admin_state: "draining", requests_per_second: 1 }),
  endpoint("Server 1", "10.0.0.1:80", { health: "unhealthy", source: "api", failures_total: 3 }),
];

function names(wish: Partial<Selection>): string[] {
  return select(LIST, { ...ALL, ...wish }).map((it) => it.name);
}

test("intent comes before ejection, ejection before health, and ill health before silence", () => {
  const until = "2026-01-01T00:00:00Z";
  for (const [facts, expected] of [
    [{}, "healthy"],
    [{ is_backup: true }, "backup"],
    [{ health: "unhealthy", is_backup: true }, "unhealthy"],
    [{ health: "unhealthy", ejected_until: until }, "ejected"],
    [{ ejected_until: until, admin_state: "draining" }, "draining"],
    [{ health: "unknown" }, "unknown"],
    [{ is_silent: true }, "silent"],
    [{ is_silent: true, health: "unknown" }, "silent"],
    [{ is_silent: true, is_backup: true }, "silent"],
    [{ is_silent: true, health: "unhealthy" }, "unhealthy"],
    [{ is_silent: true, ejected_until: until }, "ejected"],
    [{ is_silent: true, admin_state: "draining" }, "draining"],
    [{ presence: "absent", health: "unknown" }, "absent"],
    [{ presence: "starting", health: "unknown" }, "starting"],
    [{ presence: "absent", admin_state: "draining" }, "draining"],
  ] as const) {
    expect(standing(endpoint("a", "b:1", facts))).toBe(expected);
  }
});

test("every word has to be found, in name, address or source", () => {
  expect(names({ text: "server 127" })).toEqual(["Server 10", "Server 2"]);
  expect(names({ text: "API" })).toEqual(["Server 1"]);
  expect(names({ text: "nobody" })).toEqual([]);
  expect(names({ standing: "draining" })).toEqual(["Server 2"]);
});

test("order is by number where names have numbers, and the list given stays as it is", () => {
  expect(names({ sort: "name" })).toEqual(["Server 1", "Server 2", "Server 10"]);
  expect(names({ sort: "rate", isDescending: true })).toEqual(["Server 10", "Server 2", "Server 1"]);
  expect(names({ sort: "errors", isDescending: true })[0]).toBe("Server 1");
  expect(names({ isDescending: true })).toEqual(["Server 1", "Server 2", "Server 10"]);
  expect(LIST[0]?.name).toBe("Server 10");
});

test("the tally names only what there is", () => {
  expect(tally(LIST)).toEqual([
    { standing: "healthy", amount: 1 },
    { standing: "unhealthy", amount: 1 },
    { standing: "draining", amount: 1 },
  ]);
});
