// What the page can do to Roundel. Each action says how it went, and how to take it back.
//
// The way back is not made up here: it is in the audit entry that Roundel wrote for the action, and
// so is what is in the way of it.

import { signal } from "@preact/signals";
import { ApiError, json, segment } from "../api/client";
import type { AdminState, Audit } from "../api/types";
import { wayBack } from "../logic/undo";
import { readAuditLog } from "./audit";
import { notify } from "./toasts";

/** Keys of the actions under way: their buttons are busy. */
export const busy = signal<ReadonlySet<string>>(new Set());

interface Action {
  /** Of the button, so that it is shown as busy. */
  key: string;
  method: string;
  path: string;
  body?: unknown;
  /** Said when it worked: `Server 1 is draining`. */
  done: string;
  /** Said before the reason when it did not: `Cannot drain Server 1`. */
  failed: string;
}

/** Carries out `action`; whether it worked. */
export async function act(action: Action): Promise<boolean> {
  if (busy.value.has(action.key)) return false;
  busy.value = new Set([...busy.value, action.key]);
  try {
    const before = await newestId();
    const call = { method: action.method, ...(action.body === undefined ? {} : { body: action.body }) };
    await json(action.path, call);
    notify("good", action.done, await ownSince(before));
    return true;
  } catch (error) {
    notify("bad", `${action.failed}: ${reasonOf(error)}`);
    return false;
  } finally {
    busy.value = new Set([...busy.value].filter((key) => key !== action.key));
  }
}

export function reasonOf(error: unknown): string {
  if (error instanceof ApiError || error instanceof Error) return error.message;
  return String(error);
}

/** `null` when the log cannot be read: then there is no way back from here, and the action goes on. */
async function newestId(): Promise<number | null> {
  try {
    const entries = await readAuditLog();
    return entries[0]?.id ?? 0;
  } catch {
    return null;
  }
}

/** What was done after the audit entry `id`; none when that is not exactly one thing. */
async function ownSince(id: number | null): Promise<number | null> {
  if (id === null) return null;
  try {
    const own = (await readAuditLog()).filter((entry) => entry.id > id && entry.ok);
    return own.length === 1 ? (own[0]?.id ?? null) : null;
  } catch {
    return null;
  }
}

/** Takes back what an audit entry did, unless something has come in the way meanwhile. */
export async function takeBack({ id, action, target }: Audit): Promise<boolean> {
  const failed = `Cannot take ${action} of ${target} back`;
  try {
    const entry = (await readAuditLog()).find((it) => it.id === id);
    const undo = wayBack(entry);
    if (!undo) throw new Error(entry?.obstacle?.message ?? "the audit log no longer has it");
    const { method, path, body } = undo;
    const done = `Taken back: ${action} of ${target}`;
    return await act({ key: `undo ${id}`, method, path, body: body ?? undefined, done, failed });
  } catch (error) {
    notify("bad", `${failed}: ${reasonOf(error)}`);
    return false;
  }
}

const VERBS: Record<AdminState, [string, string]> = {
  enabled: ["is enabled", "enable"],
  draining: ["is draining: it gets nothing new", "drain"],
  disabled: ["is disabled", "disable"],
};

export function setAdminState(pool: string, endpoint: string, admin_state: AdminState): Promise<boolean> {
  const [done, verb] = VERBS[admin_state];
  return act({
    key: endpointKey(pool, endpoint),
    method: "PATCH",
    path: endpointPath(pool, endpoint),
    body: { admin_state },
    done: `${endpoint} ${done}`,
    failed: `Cannot ${verb} ${endpoint}`,
  });
}

export function setWeight(pool: string, endpoint: string, weight: number): Promise<boolean> {
  return act({
    key: endpointKey(pool, endpoint),
    method: "PATCH",
    path: endpointPath(pool, endpoint),
    body: { weight },
    done: `${endpoint} has weight ${weight}`,
    failed: `Cannot set the weight of ${endpoint}`,
  });
}

/** Takes the operator's changes to an endpoint back: the file decides again. */
export function takeOverrideBack(pool: string, endpoint: string, keys: string[]): Promise<boolean> {
  return act({
    key: endpointKey(pool, endpoint),
    method: "PATCH",
    path: endpointPath(pool, endpoint),
    body: Object.fromEntries(keys.map((key) => [key, null])),
    done: `${endpoint} is as its source says`,
    failed: `Cannot take the change of ${endpoint} back`,
  });
}

export interface NewEndpoint {
  address: string;
  name?: string;
  weight?: number;
  backup?: boolean;
}

export function addEndpoint(pool: string, body: NewEndpoint): Promise<boolean> {
  const name = body.name ?? body.address;
  return act({
    key: `add ${pool}`,
    method: "POST",
    path: `/pools/${segment(pool)}/endpoints`,
    body,
    done: `${name} is in pool ${pool}`,
    failed: `Cannot add ${name}`,
  });
}

export function removeEndpoint(pool: string, endpoint: string): Promise<boolean> {
  return act({
    key: endpointKey(pool, endpoint),
    method: "DELETE",
    path: endpointPath(pool, endpoint),
    done: `${endpoint} leaves pool ${pool} when its requests have ended`,
    failed: `Cannot remove ${endpoint}`,
  });
}

export function endpointKey(pool: string, endpoint: string): string {
  return `endpoint ${pool}/${endpoint}`;
}

function endpointPath(pool: string, endpoint: string): string {
  return `/pools/${segment(pool)}/endpoints/${segment(endpoint)}`;
}

export function scale(app: string, instances: number): Promise<boolean> {
  return act({
    key: `scale ${app}`,
    method: "POST",
    path: `/apps/${segment(app)}/scale`,
    body: { instances },
    done: `${app} scales to ${instances}`,
    failed: `Cannot scale ${app}`,
  });
}

export function restartApp(app: string): Promise<boolean> {
  return act({
    key: `restart ${app}`,
    method: "POST",
    path: `/apps/${segment(app)}/restart`,
    body: {},
    done: `${app} restarts, one instance after the other`,
    failed: `Cannot restart ${app}`,
  });
}

export type InstanceVerb = "start" | "stop" | "kill" | "restart";

const INSTANCE_DONE: Record<InstanceVerb, string> = {
  start: "starts",
  stop: "stops when its requests have ended",
  kill: "is killed",
  restart: "restarts",
};

export function instanceKey(app: string, instance: string): string {
  return `instance ${app}/${instance}`;
}

export function instance(app: string, name: string, verb: InstanceVerb): Promise<boolean> {
  return act({
    key: instanceKey(app, name),
    method: "POST",
    path: `/apps/${segment(app)}/instances/${segment(name)}/${verb}`,
    body: {},
    done: `${name} ${INSTANCE_DONE[verb]}`,
    failed: `Cannot ${verb} ${name}`,
  });
}
