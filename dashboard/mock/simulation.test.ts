// The simulated Roundel has to behave, or work on the page goes by a wrong picture.

import { expect, test } from "vitest";
import { mutate } from "./actions";
import { Simulation } from "./simulation";

const NOW = 1_700_000_000_000;

test("the same second looks the same in every run", () => {
  expect(new Simulation("demo", NOW).state).toEqual(new Simulation("demo", NOW).state);
});

test("an action is taken back by what its audit entry says", () => {
  const sim = new Simulation("demo", NOW);
  const parts = ["pools", "demo", "endpoints", "Server 1"];
  mutate(sim, "PATCH", parts, { admin_state: "draining" });
  const found = () => sim.state.pools[0]?.endpoints[0]?.admin_state;
  expect(found()).toBe("draining");
  const undo = sim.audit[0]?.undo;
  if (!undo) throw new Error("it can be taken back");
  mutate(sim, undo.method, parts, undo.body as Record<string, unknown>);
  expect(found()).toBe("enabled");
});

test("a killed instance takes its endpoint out, and a started one brings it back", () => {
  const sim = new Simulation("demo", NOW);
  const facts = () => sim.state.pools[0]?.endpoints[2]?.health;
  mutate(sim, "POST", ["apps", "demo", "instances", "Server 3", "kill"], {});
  sim.tick(NOW + 1000);
  expect(facts()).toBe("unhealthy");
  mutate(sim, "POST", ["apps", "demo", "instances", "Server 3", "start"], {});
  for (const second of [2, 3, 4]) sim.tick(NOW + second * 1000);
  expect(facts()).toBe("healthy");
});
