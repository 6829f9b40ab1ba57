// The picture of where requests go: listeners, routes, pools and endpoints in four columns, with an
// arrow for each way that traffic takes.
//
// Pure geometry. Each node is placed beside the middle of what it leads to, so arrows stay short
// and rarely cross. A pool of many endpoints is drawn as one node for each standing, and a long
// column ends in one node for the rest: the picture has a bounded size, whatever the configuration.

import type { Endpoint, Pool, State } from "../api/types";
import { type Standing, standing, tally } from "./endpoints";
import { plural } from "./format";

export type Column = 0 | 1 | 2 | 3;

export interface Node {
  id: string;
  column: Column;
  title: string;
  /** The second line, in a quieter tone. */
  note: string;
  rate: number;
  /** Set for endpoints and groups of them. */
  standing: Standing | null;
  pool: string | null;
  endpoint: string | null;
  x: number;
  y: number;
}

export interface Link {
  id: string;
  from: Node;
  to: Node;
  rate: number;
  /** Nothing is meant to go this way at present. */
  isIdle: boolean;
  width: number;
  path: string;
}

export interface Topology {
  nodes: Node[];
  links: Link[];
  width: number;
  height: number;
}

export const NODE_WIDTH = 184;
export const NODE_HEIGHT = 42;
const ROW = NODE_HEIGHT + 8;
const POOL_GAP = 12;

/** The narrowest picture in which arrows and their rates still have room. */
export const WIDTH_MIN = 4 * NODE_WIDTH + 3 * 72;

/** A pool with more endpoints than this is drawn by standing. */
const ENDPOINTS_MAX = 8;
/** Endpoints drawn one by one over all pools. */
const ENDPOINTS_TOTAL_MAX = 24;
/** Listeners, routes and pools drawn one by one. */
const COLUMN_MAX = 12;

/** The picture of `state`, `width` pixels wide (or as wide as it has to be). */
export function topology(state: State, width: number): Topology {
  const plan = new Plan(Math.max(WIDTH_MIN, width));
  const pools = kept(state.pools, (rest) => mergedPool(rest));
  const isDetailed = state.pools.reduce((sum, pool) => sum + pool.endpoints.length, 0) <= ENDPOINTS_TOTAL_MAX;
  let y = 0;
  for (const pool of pools) {
    const node = plan.node(poolNode(pool));
    const ends = endpointNodes(pool, isDetailed);
    const height = Math.max(1, ends.length) * ROW;
    ends.forEach((end, row) => {
      const target = plan.node({ ...end.node, y: y + row * ROW });
      plan.link(node, target, end.node.rate, !end.isUsed);
    });
    node.y = y + (height - ROW) / 2;
    y += height + POOL_GAP;
  }
  const poolsEnd = y;
  const routes = kept(state.routes, (rest) => ({
    ...first(rest),
    name: plural(rest.length, "more route"),
    hosts: [],
    path: "",
    methods: [],
    action: "pool" as const,
    pool: null,
    requests_per_second: sum(rest.map((route) => route.requests_per_second)),
  }));
  const routeNodes = routes.map((route) => {
    const to = plan.find(`pool/${route.pool}`);
    const node = plan.node({
      ...blank(1, `route/${route.name}`),
      title: route.hosts.length > 0 ? route.hosts.join(", ") : route.path || route.name,
      note: route.hosts.length > 0 ? route.path : route.action === "pool" ? route.name : route.action,
      rate: route.requests_per_second,
      y: to ? to.y : poolsEnd,
    });
    if (to) plan.link(node, to, route.requests_per_second, false);
    return node;
  });
  spread(routeNodes);
  const middle = mean(routeNodes.map((node) => node.y));
  const listeners = kept(state.listeners, (rest) => ({
    ...first(rest),
    name: plural(rest.length, "more listener"),
    address: "",
    requests_per_second: sum(rest.map((listener) => listener.requests_per_second)),
  }));
  const listenerNodes = listeners.map((listener, row) =>
    plan.node({
      ...blank(0, `listener/${listener.name}`),
      title: listener.name,
      note: listener.address,
      rate: listener.requests_per_second,
      y: middle + (row - (listeners.length - 1) / 2) * ROW,
    }),
  );
  spread(listenerNodes);
  const total = sum(listeners.map((listener) => listener.requests_per_second));
  for (const from of listenerNodes) {
    for (const to of routeNodes) {
      // Which listener fed which route is not counted: each gets its part of the route's rate.
      plan.link(from, to, total > 0 ? (to.rate * from.rate) / total : 0, false);
    }
  }
  return plan.finish();
}

/** The most nodes a column draws; what is beyond them is merged into one. */
function kept<T>(items: readonly T[], merge: (rest: T[]) => T): T[] {
  if (items.length <= COLUMN_MAX) return items.slice();
  return [...items.slice(0, COLUMN_MAX - 1), merge(items.slice(COLUMN_MAX - 1))];
}

function mergedPool(rest: Pool[]): Pool {
  const rate = sum(rest.map((pool) => pool.traffic.requests_per_second));
  const base = first(rest);
  return {
    ...base,
    name: plural(rest.length, "more pool"),
    balance: "",
    traffic: { ...base.traffic, requests_per_second: rate },
    endpoints: rest.flatMap((pool) => pool.endpoints),
  };
}

function poolNode(pool: Pool): Node {
  return {
    ...blank(2, `pool/${pool.name}`),
    title: pool.name,
    note: [pool.balance, pool.hold === "asleep" ? "asleep" : plural(pool.endpoints.length, "endpoint")]
      .filter(Boolean)
      .join(" · "),
    rate: pool.traffic.requests_per_second,
    pool: pool.name,
  };
}

function endpointNodes(pool: Pool, isDetailed: boolean): { node: Node; isUsed: boolean }[] {
  if (isDetailed && pool.endpoints.length <= ENDPOINTS_MAX) {
    return pool.endpoints.map((endpoint) => ({
      node: endpointNode(pool, endpoint),
      isUsed: endpoint.is_eligible,
    }));
  }
  return tally(pool.endpoints).map(({ standing: group, amount }) => {
    const members = pool.endpoints.filter((endpoint) => standing(endpoint) === group);
    const node: Node = {
      ...blank(3, `group/${pool.name}/${group}`),
      title: `${amount} ${group}`,
      note: `of ${plural(pool.endpoints.length, "endpoint")}`,
      rate: sum(members.map((endpoint) => endpoint.requests_per_second)),
      standing: group,
      pool: pool.name,
    };
    return { node, isUsed: members.some((endpoint) => endpoint.is_eligible) };
  });
}

function endpointNode(pool: Pool, endpoint: Endpoint): Node {
  const state = standing(endpoint);
  const address = endpoint.name === endpoint.address ? "" : endpoint.address;
  return {
    ...blank(3, `endpoint/${pool.name}/${endpoint.name}`),
    title: endpoint.name,
    // Silence is rare and soon over: its sign alone says little to who sees it for the first time.
    note: [state === "silent" ? state : "", address].filter(Boolean).join(" · "),
    rate: endpoint.requests_per_second,
    standing: state,
    pool: pool.name,
    endpoint: endpoint.name,
  };
}

function blank(column: Column, id: string): Node {
  const texts = { title: "", note: "", rate: 0 };
  return { id, column, ...texts, standing: null, pool: null, endpoint: null, x: 0, y: 0 };
}

/** Moves nodes of one column down until none overlaps, in the order of where they want to be. */
function spread(nodes: Node[]): void {
  const sorted = nodes.slice().sort((a, b) => a.y - b.y);
  let free = Number.NEGATIVE_INFINITY;
  for (const node of sorted) {
    node.y = Math.max(node.y, free);
    free = node.y + ROW;
  }
}

class Plan {
  readonly #nodes = new Map<string, Node>();
  readonly #links: Omit<Link, "width" | "path">[] = [];
  readonly #width: number;

  constructor(width: number) {
    this.#width = width;
  }

  node(node: Node): Node {
    node.x = (node.column * (this.#width - NODE_WIDTH)) / 3;
    this.#nodes.set(node.id, node);
    return node;
  }

  find(id: string): Node | undefined {
    return this.#nodes.get(id);
  }

  link(from: Node, to: Node, rate: number, isIdle: boolean): void {
    this.#links.push({ id: `${from.id}→${to.id}`, from, to, rate, isIdle });
  }

  finish(): Topology {
    const nodes = [...this.#nodes.values()];
    const top = nodes.length > 0 ? Math.min(...nodes.map((node) => node.y)) : 0;
    for (const node of nodes) node.y -= top;
    const height = Math.max(ROW, ...nodes.map((node) => node.y + NODE_HEIGHT));
    const fullest = Math.max(1e-9, ...this.#links.map((link) => link.rate));
    const links = this.#links.map((link) => ({
      ...link,
      width: link.rate > 0 ? 1.5 + 6.5 * Math.sqrt(link.rate / fullest) : 1,
      path: curve(link.from, link.to),
    }));
    return { nodes, links, width: this.#width, height };
  }
}

function curve(from: Node, to: Node): string {
  const [x1, y1] = [from.x + NODE_WIDTH, from.y + NODE_HEIGHT / 2];
  const [x2, y2] = [to.x, to.y + NODE_HEIGHT / 2];
  const bend = (x2 - x1) / 2;
  return `M${x1} ${y1}C${x1 + bend} ${y1} ${x2 - bend} ${y2} ${x2} ${y2}`;
}

function sum(values: number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

function mean(values: number[]): number {
  return values.length > 0 ? sum(values) / values.length : 0;
}

function first<T>(items: T[]): T {
  const item = items[0];
  if (item === undefined) throw new RangeError("nothing to merge");
  return item;
}
