// What can be asked of the simulated Roundel, other than to tell its state.

import type { AdminState, App, Endpoint, Instance } from "../src/api/types";
import { endpoint as newEndpoint } from "./scenario";
import type { Simulation } from "./simulation";

export interface Answer {
  status: number;
  body: unknown;
}

type Parts = readonly string[];

/** Carries out a mutation; `null` when there is none of that name. */
export function mutate(
  sim: Simulation,
  method: string,
  parts: Parts,
  body: Record<string, unknown>,
): Answer | null {
  const [kind, name, thing, target, verb] = parts;
  if (kind === "pools" && name && thing === "endpoints") return onPool(sim, method, name, target, body);
  if (kind === "apps" && name) return onApp(sim, name, thing, target, verb, body);
  if (kind === "config") return onConfig(sim, method, name, body);
  return null;
}

function onPool(
  sim: Simulation,
  method: string,
  name: string,
  target: string | undefined,
  body: Record<string, unknown>,
): Answer {
  const pool = sim.state.pools.find((it) => it.name === name);
  if (!pool) return problem(404, `there is no pool "${name}"`);
  const path = `/api/v1/pools/${encodeURIComponent(name)}/endpoints`;
  if (method === "POST") {
    const address = String(body.address ?? "");
    if (!/:\d+$/.test(address)) return problem(422, `address: "${address}" has no port`);
    const added = newEndpoint(String(body.name ?? address), address, {
      source: "api",
      is_backup: body.backup === true,
    });
    pool.endpoints.push(added);
    sim.state.has_overlay = true;
    const undo = { method: "DELETE", path: `${path}/${encodeURIComponent(added.name)}`, body: null };
    sim.record("endpoint.add", `${name}/${added.name}`, null, { address }, undo);
    return { status: 201, body: added };
  }
  const found = pool.endpoints.find((it) => it.name === target);
  if (!found) return problem(404, `pool "${name}" has no endpoint "${target}"`);
  const own = `${path}/${encodeURIComponent(found.name)}`;
  if (method === "DELETE") {
    pool.endpoints = pool.endpoints.filter((it) => it !== found);
    const undo = {
      method: "POST",
      path,
      body: { address: found.address, name: found.name, weight: found.weight },
    };
    sim.record("endpoint.remove", `${name}/${found.name}`, { address: found.address }, null, undo);
    return { status: 204, body: null };
  }
  return update(sim, found, name, own, body);
}

function update(
  sim: Simulation,
  found: Endpoint,
  pool: string,
  path: string,
  body: Record<string, unknown>,
): Answer {
  const weight = body.weight;
  if (typeof weight === "number" && (weight < 1 || weight > 1000))
    return problem(422, `weight: ${weight} is not from 1 to 1000`);
  const before = { admin_state: found.admin_state, weight: found.weight };
  if (typeof weight === "number") found.weight = weight;
  if (weight === null) found.weight = 1;
  if (body.admin_state !== undefined) found.admin_state = (body.admin_state ?? "enabled") as AdminState;
  found.overridden = (["admin_state", "weight"] as const).filter(
    (key) => found[key] !== { admin_state: "enabled", weight: 1 }[key],
  );
  sim.state.has_overlay = true;
  const changed = Object.fromEntries(
    Object.keys(body).map((key) => [key, before[key as keyof typeof before]]),
  );
  sim.record("endpoint.update", `${pool}/${found.name}`, changed, body, {
    method: "PATCH",
    path,
    body: changed,
  });
  sim.change(
    "info",
    "admin_state",
    `pool "${pool}": endpoint ${found.address}: ${found.admin_state}, weight ${found.weight}`,
    pool,
    found.name,
  );
  return { status: 200, body: found };
}

function onApp(
  sim: Simulation,
  name: string,
  thing: string | undefined,
  target: string | undefined,
  verb: string | undefined,
  body: Record<string, unknown>,
): Answer {
  const app = sim.state.apps.find((it) => it.name === name);
  if (!app) return problem(404, `there is no app "${name}"`);
  if (thing === "scale") return scaleTo(sim, app, Number(body.instances));
  if (thing === "restart") {
    app.rollout = { state: "running", updated: 0, total: app.instances.length, reason: null };
    sim.record("app.restart", name, null, null, null);
    return { status: 202, body: app };
  }
  const found = app.instances.find((it) => it.name === target);
  if (!found || !verb) return problem(404, `app "${name}" has no instance "${target}"`);
  apply(sim, found, verb);
  sim.record(`instance.${verb}`, `${name}/${found.name}`, null, null, null);
  return { status: 202, body: found };
}

function apply(sim: Simulation, found: Instance, verb: string): void {
  const at = sim.state.now;
  if (verb === "start" || verb === "restart") {
    Object.assign(found, {
      state: "starting",
      pid: 52_000 + found.index * 3,
      started_at: at,
      restarts: found.restarts + 1,
    });
    sim.say(found.name, ` * Running on http://${found.address}`);
  } else {
    const status = verb === "kill" ? "killed by signal 9 (SIGKILL)" : "exited with status 0";
    Object.assign(found, { state: "stopped", pid: null, started_at: null, last_exit: { at, status } });
    sim.say(found.name, `[roundel] ${status}`);
  }
}

function scaleTo(sim: Simulation, app: App, instances: number): Answer {
  if (!(instances >= 0 && instances <= app.max))
    return problem(422, `instances: ${instances} is not from 0 to ${app.max}`);
  const before = app.instances_wanted;
  app.instances_wanted = instances;
  const pool = sim.state.pools.find((it) => it.name === app.pool);
  while (app.instances.length > instances) {
    const gone = app.instances.pop();
    if (pool) pool.endpoints = pool.endpoints.filter((it) => it.name !== gone?.name);
  }
  while (app.instances.length < instances) {
    const index = app.instances.length + 1;
    const [name, address] = [`Server ${index}`, `127.0.0.1:${5000 + index}`];
    app.instances.push({
      name,
      index,
      state: "starting",
      pid: 60_000 + index,
      address,
      started_at: sim.state.now,
      restarts: 0,
      cpu_percent: null,
      memory_bytes: null,
      last_exit: null,
      reason: null,
      output_lines: 0,
    });
    pool?.endpoints.push(
      newEndpoint(name, address, { source: "app", health: "unknown", is_eligible: false }),
    );
  }
  const undo = {
    method: "POST",
    path: `/api/v1/apps/${encodeURIComponent(app.name)}/scale`,
    body: { instances: before },
  };
  sim.record("app.scale", app.name, { instances: before }, { instances }, undo);
  return { status: 200, body: app };
}

const DIAGNOSTIC = `error: unknown key "intervall"
  ╭▸ pasted.toml:3:1
  │
3 │ intervall = "5s"
  ╰ ━━━━━━━━━ did you mean "interval"?`;

function onConfig(
  sim: Simulation,
  method: string,
  what: string | undefined,
  body: Record<string, unknown>,
): Answer | null {
  if (what === "check") {
    const isBad = String(body.text ?? "").includes("intervall");
    const errors = [
      { severity: "error", line: 3, column: 1, message: `unknown key "intervall"`, rendered: DIAGNOSTIC },
    ];
    return {
      status: 200,
      body: {
        ok: !isBad,
        summary: isBad ? "1 error" : "listener web on 0.0.0.0:8080\npool demo: 6 endpoints, round_robin",
        errors: isBad ? errors : [],
      },
    };
  }
  if (what === "reload") {
    sim.state.last_reload = {
      at: sim.state.now,
      ok: true,
      message: "2 listeners, 3 routes, 2 pools: nothing changed",
    };
    sim.record("config.reload", sim.state.config_file ?? "", null, null, null);
    return { status: 200, body: sim.state.last_reload };
  }
  if (what === "overlay" && method === "DELETE") {
    sim.state.has_overlay = false;
    sim.record("overlay.clear", "overlay", null, null, null);
    return { status: 204, body: null };
  }
  return null;
}

export function problem(status: number, detail: string): Answer {
  return { status, body: { type: "about:blank", title: "refused", status, detail } };
}
