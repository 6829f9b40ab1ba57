import { describe, expect, test } from "vitest";
import { firstState } from "../../mock/scenario";
import type { State } from "../api/types";
import { NODE_HEIGHT, topology, WIDTH_MIN } from "./topology";

const NOW = "2026-01-01T00:00:00.000Z";

function overlaps(state: State): string[] {
  const { nodes } = topology(state, 1200);
  return nodes.flatMap((a, index) =>
    nodes
      .slice(index + 1)
      .filter((b) => a.column === b.column && Math.abs(a.y - b.y) < NODE_HEIGHT)
      .map((b) => `${a.id} ${b.id}`),
  );
}

describe("topology", () => {
  test("leads from every listener through routes and pools to every endpoint", () => {
    const { nodes, links } = topology(firstState("demo", NOW), 1200);
    expect(nodes.filter((node) => node.column === 3)).toHaveLength(10);
    const ids = links.map((link) => link.id);
    expect(ids).toContain("listener/web→route/demo");
    expect(ids).toContain("route/demo→pool/demo");
    expect(ids).toContain("pool/demo→endpoint/demo/Server 1");
  });

  test.each(["demo", "large", "quiet"])("no two boxes overlap in %s", (scenario) => {
    expect(overlaps(firstState(scenario, NOW))).toEqual([]);
  });

  test("a thousand endpoints are drawn by standing", () => {
    const { nodes } = topology(firstState("large", NOW), 1200);
    expect(nodes.filter((node) => node.column === 3).map((node) => node.title)).toEqual([
      "981 healthy",
      "11 unhealthy",
      "8 draining",
    ]);
  });

  test("a silent endpoint is named so, alone and in a crowd", () => {
    const [demo, large] = [firstState("demo", NOW), firstState("large", NOW)];
    for (const state of [demo, large]) {
      for (const it of state.pools[0]?.endpoints.slice(0, 2) ?? []) it.is_silent = true;
    }
    const silent = (state: State) => topology(state, 1200).nodes.filter((node) => node.standing === "silent");
    expect(silent(demo).map((node) => node.note)).toEqual([
      "silent · 127.0.0.1:5001",
      "silent · 127.0.0.1:5002",
    ]);
    expect(silent(large).map((node) => node.title)).toEqual(["2 silent"]);
  });

  test("many routes, listeners and pools end in one box for the rest", () => {
    const state = firstState("demo", NOW);
    const route = state.routes[0];
    const listener = state.listeners[0];
    const pool = state.pools[0];
    if (!route || !listener || !pool) throw new Error("the demo has one of each");
    const many = { length: 200 };
    state.routes = Array.from(many, (_, index) => ({ ...route, name: `r${index}` }));
    state.listeners = Array.from(many, (_, index) => ({ ...listener, name: `l${index}` }));
    state.pools = Array.from(many, (_, index) => ({ ...pool, name: `p${index}` }));
    const { nodes } = topology(state, 1200);
    expect(nodes.filter((node) => node.column < 3)).toHaveLength(36);
    expect(nodes.map((node) => node.title)).toContain("189 more routes");
    expect(overlaps(state)).toEqual([]);
  });

  test("an empty configuration and a narrow window are no trouble", () => {
    const state = { ...firstState("quiet", NOW), pools: [], routes: [], listeners: [] };
    expect(topology(state, 100)).toMatchObject({ nodes: [], links: [], width: WIDTH_MIN });
  });

  test("arrows grow with their rate and stay within bounds", () => {
    const state = firstState("demo", NOW);
    for (const pool of state.pools) {
      pool.endpoints.forEach((endpoint, index) => {
        endpoint.requests_per_second = index * 100_000;
      });
    }
    const widths = topology(state, 1200).links.map((link) => link.width);
    expect(Math.min(...widths)).toBeGreaterThanOrEqual(1);
    expect(Math.max(...widths)).toBeLessThanOrEqual(8);
  });
});
