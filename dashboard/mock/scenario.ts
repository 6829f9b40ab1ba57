// What the simulated Roundel begins with.

import type { App, Endpoint, Instance, Pool, State } from "../src/api/types";

const NOTHING = {
  requests_total: 0,
  errors_total: 0,
  requests_per_second: 0,
  error_rate: 0,
  in_flight: 0,
  latency_ms: null,
};

export function endpoint(name: string, address: string, more: Partial<Endpoint> = {}): Endpoint {
  return {
    name,
    address,
    resolved: address,
    source: "file",
    weight: 1,
    effective_weight: 1,
    is_backup: false,
    admin_state: "enabled",
    presence: "present",
    health: "healthy",
    ejected_until: null,
    is_eligible: true,
    is_silent: false,
    overridden: [],
    last_probe: null,
    in_flight: 0,
    requests_total: 0,
    failures_total: 0,
    failures: {},
    responses: {},
    connections: { made: 0, reused: 0, idle: 0 },
    requests_per_second: 0,
    error_rate: 0,
    share: 0,
    latency_ms: null,
    ...more,
  };
}

export function pool(name: string, endpoints: Endpoint[], more: Partial<Pool> = {}): Pool {
  return {
    name,
    balance: "round_robin",
    tier: "primary",
    hold: null,
    queue_length: 0,
    queue_limit: 1024,
    retries_total: 0,
    hedges_total: 0,
    health_check: "GET /health every 5 s",
    app: null,
    traffic: { ...NOTHING },
    ends: {},
    endpoints,
    ...more,
  };
}

function instance(app: string, index: number, now: string): Instance {
  return {
    name: `Server ${index}`,
    index,
    state: "ready",
    pid: 41_200 + index * 7,
    address: `127.0.0.1:${5000 + index}`,
    started_at: now,
    restarts: 0,
    cpu_percent: 3,
    memory_bytes: 38_000_000 + index * 1_300_000,
    last_exit: null,
    reason: null,
    output_lines: app.length,
  };
}

function app(name: string, poolName: string, instances: Instance[], more: Partial<App> = {}): App {
  return {
    name,
    pool: poolName,
    command: ["python3", "server.py", "{name}", "{port}"],
    instances_wanted: instances.length,
    min: 1,
    max: 10,
    is_autoscaled: false,
    autoscale: null,
    instances,
    rollout: null,
    decisions: [],
    ...more,
  };
}

/** The first state of the scenario `name` at `now`; an unknown name is the demo. */
export function firstState(name: string, now: string): State {
  const state: State = {
    version: "0.1.0",
    started_at: new Date(Date.parse(now) - 3 * 3600_000 - 754_000).toISOString(),
    now,
    generation: 12,
    workers: 2,
    phase: "ready",
    last_reload: null,
    has_overlay: false,
    providers: [],
    config_file: "/etc/roundel/roundel.toml",
    totals: { ...NOTHING },
    listeners: [listener("web", "0.0.0.0:8080")],
    routes: [],
    pools: [],
    apps: [],
  };
  if (name === "large") return { ...state, ...large() };
  if (name === "quiet") {
    const idle = [endpoint("127.0.0.1:5001", "127.0.0.1:5001", { health: "unknown", is_eligible: false })];
    return {
      ...state,
      config_file: null,
      pools: [pool("web", idle, { tier: "empty" })],
      routes: [route("web", "/", "web")],
    };
  }
  return { ...state, ...demo(now) };
}

function demo(now: string): Partial<State> {
  const instances = [1, 2, 3, 4, 5, 6].map((index) => instance("demo", index, now));
  const servers = instances.map((it) => endpoint(it.name, it.address, { source: "app" }));
  const api = [
    endpoint("api-1.internal.example.com", "10.0.0.11:8080"),
    endpoint("api-2.internal.example.com", "10.0.0.12:8080", { weight: 3, effective_weight: 3 }),
    endpoint("api-3.internal.example.com", "10.0.0.13:8080", {
      health: "unhealthy",
      is_eligible: false,
      last_probe: { at: now, took_ms: 2000, ok: false, reason: "probe timed out after 2 s (limit 2 s)" },
    }),
    endpoint("10.0.0.19:8080", "10.0.0.19:8080", { is_backup: true, is_eligible: false }),
  ];
  return {
    listeners: [listener("web", "0.0.0.0:8080"), listener("internal", "127.0.0.1:8081")],
    routes: [
      { ...route("api", "/api", "api"), hosts: ["example.com", "*.example.com"], methods: ["GET", "POST"] },
      { ...route("stats", "/stats", null), action: "stats" },
      route("demo", "/", "demo"),
    ],
    pools: [
      pool("demo", servers, { app: "demo" }),
      pool("night", [], { app: "night", tier: "empty", hold: "asleep" }),
      pool("api", api, {
        balance: "least_request",
        retries_total: 41,
        hedges_total: 7,
        ends: { ok: 12_000, response_timeout: 7, client_closed: 4 },
      }),
    ],
    apps: [
      app("demo", "demo", instances, {
        is_autoscaled: true,
        autoscale: { metric: "in_flight", target: 20 },
        decisions: [
          {
            at: now,
            app: "demo",
            from: 5,
            to: 6,
            reason: "in-flight 23.4 per instance is over the target of 20",
            inputs: { in_flight: 117, per_instance: 23.4, target: 20, instances: 5 },
          },
        ],
      }),
      app("night", "night", [], {
        is_autoscaled: true,
        autoscale: { metric: "in_flight", target: 2 },
        min: 0,
      }),
    ],
  };
}

function large(): Partial<State> {
  const endpoints = Array.from({ length: 1000 }, (_, index) => {
    const address = `10.${1 + Math.floor(index / 250)}.0.${(index % 250) + 1}:8080`;
    if (index % 97 === 5)
      return endpoint(`node-${index + 1}`, address, { health: "unhealthy", is_eligible: false });
    if (index % 141 === 9)
      return endpoint(`node-${index + 1}`, address, { admin_state: "draining", is_eligible: false });
    return endpoint(`node-${index + 1}`, address);
  });
  return { routes: [route("fleet", "/", "fleet")], pools: [pool("fleet", endpoints, { balance: "p2c" })] };
}

function listener(name: string, address: string): State["listeners"][number] {
  return { name, address, connections_open: 0, requests_total: 0, requests_per_second: 0, tunnels_open: 0 };
}

function route(name: string, path: string, to: string | null): State["routes"][number] {
  return {
    name,
    hosts: [],
    path,
    methods: [],
    action: "pool",
    pool: to,
    requests_total: 0,
    requests_per_second: 0,
  };
}
