// A Roundel that is not there: its state moves once a second, and it takes actions as the real one.
//
// Only as true as the page's work needs: rates add up, states follow actions, every action has an
// audit entry with its way back. Deterministic, apart from the clock it is given.

import type {
  Audit,
  Change,
  Endpoint,
  History,
  Instance,
  Pool,
  RequestDetail,
  Series,
  State,
  Traffic,
  Undo,
} from "../src/api/types";
import { randomFrom } from "./random";
import { firstState } from "./scenario";

const HISTORY_MAX = 300;
const REQUESTS_MAX = 500;

export class Simulation {
  state: State;
  changes: Change[] = [];
  audit: Audit[] = [];
  requests: RequestDetail[] = [];
  output = new Map<string, string[]>();
  readonly #isQuiet: boolean;
  readonly #random = randomFrom(7);
  readonly #history = new Map<string, Traffic[]>();
  #nextId = 1;
  #tick = 0;

  constructor(scenario: string, now: number) {
    this.#isQuiet = scenario === "quiet";
    this.state = firstState(scenario, iso(now - HISTORY_MAX * 1000));
    for (let second = HISTORY_MAX; second > 0; second -= 1) this.tick(now - second * 1000);
    if (!this.#isQuiet) {
      this.change(
        "warn",
        "endpoint_health",
        `pool "api": endpoint 10.0.0.13:8080: unhealthy: probe timed out after 2 s (limit 2 s)`,
        "api",
        "api-3.internal.example.com",
      );
    }
  }

  /** One second passes. */
  tick(now: number): void {
    this.#tick += 1;
    const { state } = this;
    state.now = iso(now);
    this.#settle(now);
    const wave = 1 + 0.35 * Math.sin(this.#tick / 23) + 0.12 * Math.sin(this.#tick / 5);
    for (const pool of state.pools) this.#load(pool, this.#isQuiet ? 0 : wave * this.#baseRate(pool), now);
    state.totals = summed(state.pools.map((pool) => pool.traffic));
    for (const route of state.routes) {
      const pool = state.pools.find((it) => it.name === route.pool);
      route.requests_per_second = pool?.traffic.requests_per_second ?? (this.#isQuiet ? 0 : 0.4);
      route.requests_total += Math.round(route.requests_per_second);
    }
    state.listeners.forEach((listener, index) => {
      const part = state.listeners.length === 1 ? 1 : index === 0 ? 0.8 : 0.2;
      listener.requests_per_second = state.totals.requests_per_second * part;
      listener.requests_total += Math.round(listener.requests_per_second);
      listener.connections_open = Math.round(listener.requests_per_second / 4);
    });
    this.#remember("", state.totals);
    for (const pool of state.pools) this.#remember(pool.name, pool.traffic);
  }

  history(): History {
    const pools = this.state.pools.map((pool) => [pool.name, this.#series(pool.name)] as const);
    return {
      interval_ms: 1000,
      at: this.state.now,
      totals: this.#series(""),
      pools: Object.fromEntries(pools),
    };
  }

  change(
    severity: Change["severity"],
    kind: string,
    message: string,
    pool: string | null,
    endpoint: string | null,
  ): void {
    const { now: at, generation } = this.state;
    this.changes.push({
      id: this.#id(),
      at,
      generation,
      kind,
      severity,
      pool,
      endpoint,
      app: null,
      instance: null,
      message,
    });
    this.changes = this.changes.slice(-200);
  }

  record(
    action: string,
    target: string,
    before: Audit["before"],
    after: Audit["after"],
    undo: Undo | null,
  ): void {
    const { now: at } = this.state;
    this.audit.unshift({
      id: this.#id(),
      at,
      who: "127.0.0.1",
      action,
      target,
      before,
      after,
      ok: true,
      count: 1,
      detail: null,
      undo,
      obstacle: undo ? null : { reason: "no_way", by: null, message: "there is no way back from that" },
    });
    if (undo) this.#hinder(target);
    this.audit = this.audit.slice(0, 200);
  }

  /** What the newest entry changed, older ones cannot take back. */
  #hinder(target: string): void {
    const [newest, ...older] = this.audit;
    const own = older.find((it) => it.target === target && it.undo !== null && it.obstacle === null);
    if (!newest || !own) return;
    const isBack = JSON.stringify(newest.after) === JSON.stringify(own.before);
    const reason = isBack ? "taken_back" : "changed_since";
    own.obstacle = { reason, by: newest.id, message: `${newest.action} ${target}: ${reason}` };
  }

  /** A request that just ended, made up from the state. */
  request(now: number): RequestDetail | null {
    const pool = this.state.pools[this.#random() < 0.75 ? 0 : this.state.pools.length - 1];
    const eligible = pool?.endpoints.filter((it) => it.is_eligible) ?? [];
    const chosen = eligible[Math.floor(this.#random() * eligible.length)];
    if (!pool || !chosen || this.#isQuiet) return null;
    const detail = this.#detail(pool, chosen, eligible, now);
    this.requests.unshift(detail);
    this.requests = this.requests.slice(0, REQUESTS_MAX);
    return detail;
  }

  say(instance: string, line: string): void {
    const lines = this.output.get(instance) ?? [];
    lines.push(line);
    this.output.set(instance, lines.slice(-500));
  }

  #id(): number {
    this.#nextId += 1;
    return this.#nextId;
  }

  #baseRate(pool: Pool): number {
    return pool.endpoints.length > 100 ? 24_000 : pool.name === "demo" ? 420 : 130;
  }

  /** Instances that start become ready, those that drain stop, and endpoints follow them. */
  #settle(now: number): void {
    for (const app of this.state.apps) {
      for (const it of app.instances) this.#settleInstance(it, now);
      const pool = this.state.pools.find((it) => it.name === app.pool);
      if (!pool) continue;
      for (const endpoint of pool.endpoints) {
        const instance = app.instances.find((it) => it.name === endpoint.name);
        const isReady = instance?.state === "ready";
        if (instance) endpoint.presence = isReady ? "present" : instance.pid === null ? "absent" : "starting";
        if (endpoint.health === "healthy" && !isReady) {
          endpoint.health = "unhealthy";
          this.change(
            "error",
            "endpoint_health",
            `pool "${pool.name}": endpoint ${endpoint.address}: unhealthy: connection refused`,
            pool.name,
            endpoint.name,
          );
        } else if (endpoint.health !== "healthy" && isReady) {
          endpoint.health = "healthy";
          this.change(
            "info",
            "endpoint_health",
            `pool "${pool.name}": endpoint ${endpoint.address}: healthy`,
            pool.name,
            endpoint.name,
          );
        }
      }
    }
  }

  #settleInstance(it: Instance, now: number): void {
    const age = it.started_at === null ? 0 : now - Date.parse(it.started_at);
    if (it.state === "starting" && age > 1_500) it.state = "ready";
    if (it.state === "stopping") Object.assign(it, { state: "stopped", pid: null, started_at: null });
    const isRunning = it.state === "ready";
    it.cpu_percent = isRunning ? 4 + 3 * this.#random() : null;
    it.memory_bytes = isRunning
      ? (it.memory_bytes ?? 38_000_000) + Math.round(20_000 * (this.#random() - 0.45))
      : null;
    it.output_lines = this.output.get(it.name)?.length ?? 0;
    if (isRunning)
      this.say(it.name, `127.0.0.1 - "GET /products HTTP/1.1" 200 ${120 + Math.floor(this.#random() * 900)}`);
  }

  #load(pool: Pool, wanted: number, now: number): void {
    for (const it of pool.endpoints) {
      it.is_eligible =
        it.admin_state === "enabled" && it.health === "healthy" && it.ejected_until === null && !it.is_backup;
    }
    let eligible = pool.endpoints.filter((it) => it.is_eligible);
    if (eligible.length === 0) {
      for (const it of pool.endpoints)
        it.is_eligible = it.is_backup && it.admin_state === "enabled" && it.health === "healthy";
      eligible = pool.endpoints.filter((it) => it.is_eligible);
    }
    pool.tier = eligible.length === 0 ? "empty" : eligible[0]?.is_backup ? "backup" : "primary";
    const weights = eligible.reduce((sum, it) => sum + it.weight, 0);
    const rate = eligible.length === 0 ? 0 : wanted * (0.97 + 0.06 * this.#random());
    for (const [index, it] of pool.endpoints.entries()) {
      this.#serve(it, it.is_eligible ? (rate * it.weight) / weights : 0, rate, index, now);
    }
    pool.traffic = summed(pool.endpoints.map(trafficOf));
  }

  #serve(it: Endpoint, rate: number, total: number, index: number, now: number): void {
    const noise = 0.9 + 0.2 * this.#random();
    it.effective_weight = it.weight;
    it.requests_per_second = rate * noise;
    it.share = total > 0 ? rate / total : 0;
    it.requests_total += Math.round(it.requests_per_second);
    const base = 2.2 + (index % 5) * 0.7;
    it.latency_ms = rate > 0 ? { p50: base * noise, p95: base * 4.2 * noise, p99: base * 9.5 * noise } : null;
    it.in_flight = Math.round((it.requests_per_second * base) / 1000 + (rate > 0 ? this.#random() * 2 : 0));
    it.error_rate = rate > 0 && index % 5 === 1 && this.#tick % 90 < 14 ? 0.013 : 0;
    if (it.error_rate > 0) {
      it.failures_total += 1;
      it.failures.response_timeout = (it.failures.response_timeout ?? 0) + 1;
    }
    it.responses["2xx"] = (it.responses["2xx"] ?? 0) + Math.round(it.requests_per_second);
    it.connections = { made: 12 + index, reused: it.requests_total, idle: rate > 0 ? 4 : 0 };
    if (it.health === "healthy")
      it.last_probe = { at: iso(now - (now % 5000)), took_ms: base / 3, ok: true, reason: null };
    else if (it.source === "app")
      it.last_probe = {
        at: iso(now - (now % 5000)),
        took_ms: 0.2,
        ok: false,
        reason: "connection refused: nothing listens there",
      };
  }

  #detail(pool: Pool, chosen: Endpoint, eligible: readonly Endpoint[], now: number): RequestDetail {
    const roll = this.#random();
    const retried = roll < 0.04 && eligible.length > 1;
    const status = roll > 0.985 ? 502 : roll > 0.95 ? 404 : roll > 0.9 ? 304 : 200;
    const first_byte_ms =
      (chosen.latency_ms?.p50 ?? 3) * (0.4 + 1.6 * this.#random()) * (roll > 0.98 ? 20 : 1);
    const connect_ms = this.#random() < 0.1 ? Math.min(first_byte_ms, 0.3 + this.#random()) : 0;
    const queue_ms = this.#random() < 0.05 ? 12 * this.#random() : 0;
    const paths = [
      "/",
      "/products",
      "/products/42",
      "/cart?…",
      "/api/v2/orders",
      "/assets/app.js",
      "/search?…",
    ];
    const failed = eligible.find((it) => it !== chosen);
    const candidates = pool.endpoints.slice(0, 12).map((it) => ({
      endpoint: it.name,
      verdict: verdictOf(it, chosen),
      in_flight: it.in_flight,
      reason: it === chosen ? "its turn" : it.is_eligible ? "not its turn" : "",
    }));
    const attempt = (it: Endpoint, outcome: string, started_ms: number, code: number | null) => ({
      endpoint: it.name,
      address: it.address,
      started_ms,
      connect_ms: outcome === "connect" ? null : connect_ms,
      first_byte_ms: outcome === "ok" ? first_byte_ms : null,
      reused: connect_ms === 0,
      outcome,
      status: code,
      candidates_omitted: Math.max(0, pool.endpoints.length - 12),
      candidates,
    });
    const attempts_made = retried && failed ? [attempt(failed, "reused_closed", queue_ms, null)] : [];
    attempts_made.push(attempt(chosen, "ok", queue_ms + (retried ? 1.4 : 0), status));
    const id = this.#id().toString(36);
    return {
      id,
      at: iso(now),
      client: `192.0.2.${1 + Math.floor(this.#random() * 40)}`,
      listener: "web",
      method: this.#random() < 0.85 ? "GET" : "POST",
      host: "example.com",
      path: paths[Math.floor(this.#random() * paths.length)] ?? "/",
      version: "1.1",
      route: pool.name,
      pool: pool.name,
      endpoint: chosen.name,
      attempts: attempts_made.length,
      status,
      request_bytes: 0,
      response_bytes: Math.round(200 + 40_000 * this.#random() ** 3),
      reused: connect_ms === 0,
      queue_ms,
      connect_ms,
      first_byte_ms,
      total_ms: queue_ms + first_byte_ms + (retried ? 1.4 : 0) + 3 * this.#random(),
      end: status === 502 ? "response_malformed" : "ok",
      request_id: `01JD${id.toUpperCase().padStart(8, "0")}`,
      route_reason: `path "/" is a prefix of the request's path; no host is asked for`,
      attempts_made,
      attempts_omitted: 0,
      refusal: null,
    };
  }

  #remember(key: string, traffic: Traffic): void {
    const points = this.#history.get(key) ?? [];
    points.push(traffic);
    if (points.length > HISTORY_MAX) points.shift();
    this.#history.set(key, points);
  }

  #series(key: string): Series {
    const points = this.#history.get(key) ?? [];
    return {
      requests_per_second: points.map((it) => it.requests_per_second),
      error_rate: points.map((it) => it.error_rate),
      in_flight: points.map((it) => it.in_flight),
      p50_ms: points.map((it) => it.latency_ms?.p50 ?? null),
      p95_ms: points.map((it) => it.latency_ms?.p95 ?? null),
      p99_ms: points.map((it) => it.latency_ms?.p99 ?? null),
    };
  }
}

function verdictOf(
  it: Endpoint,
  chosen: Endpoint,
): RequestDetail["attempts_made"][number]["candidates"][number]["verdict"] {
  if (it === chosen) return "chosen";
  if (it.is_eligible) return "not_chosen";
  if (it.admin_state !== "enabled") return it.admin_state;
  if (it.ejected_until !== null) return "ejected";
  return it.health === "unhealthy" ? "unhealthy" : it.is_backup ? "backup" : "unprobed";
}

function trafficOf(it: Endpoint): Traffic {
  return {
    requests_total: it.requests_total,
    errors_total: it.failures_total,
    requests_per_second: it.requests_per_second,
    error_rate: it.error_rate,
    in_flight: it.in_flight,
    latency_ms: it.latency_ms,
  };
}

function summed(parts: readonly Traffic[]): Traffic {
  const add = (key: "requests_total" | "errors_total" | "requests_per_second" | "in_flight"): number =>
    parts.reduce((sum, part) => sum + part[key], 0);
  const rate = add("requests_per_second");
  const weighted = (value: (part: Traffic) => number): number =>
    rate > 0 ? parts.reduce((sum, part) => sum + value(part) * part.requests_per_second, 0) / rate : 0;
  return {
    requests_total: add("requests_total"),
    errors_total: add("errors_total"),
    requests_per_second: rate,
    error_rate: weighted((part) => part.error_rate),
    in_flight: add("in_flight"),
    latency_ms:
      rate > 0
        ? {
            p50: weighted((part) => part.latency_ms?.p50 ?? 0),
            p95: weighted((part) => part.latency_ms?.p95 ?? 0),
            p99: weighted((part) => part.latency_ms?.p99 ?? 0),
          }
        : null,
  };
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}
