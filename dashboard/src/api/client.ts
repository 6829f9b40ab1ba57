// Talks to the API of the Roundel that served this page, and to nothing else.

import type { ConfigError, Problem } from "./types";

const BASE = "/api/v1";
const TOKEN_KEY = "roundel.token";

/** A call that Roundel refused, or that did not reach it (`status` 0). */
export class ApiError extends Error {
  readonly status: number;
  readonly errors: ConfigError[];

  constructor(status: number, message: string, errors: ConfigError[] = []) {
    super(message);
    this.status = status;
    this.errors = errors;
  }
}

/** The token of this tab; it ends with the tab. */
export const token = {
  get(): string | null {
    return sessionStorage.getItem(TOKEN_KEY);
  },
  set(value: string): void {
    sessionStorage.setItem(TOKEN_KEY, value);
  },
  clear(): void {
    sessionStorage.removeItem(TOKEN_KEY);
  },
};

export interface Call {
  method?: string;
  /** Sent as JSON, or as it is when `type` says something else. */
  body?: unknown;
  type?: string;
  accept?: string;
  signal?: AbortSignal;
  fields?: Record<string, string>;
}

/** The response to a call of `path` below the API; throws `ApiError` unless it is a success. */
export async function send(path: string, call: Call = {}): Promise<Response> {
  const headers = new Headers(call.fields);
  headers.set("Accept", call.accept ?? "application/json");
  const secret = token.get();
  if (secret !== null) headers.set("Authorization", `Bearer ${secret}`);
  const method = call.method ?? "GET";
  const init: RequestInit = { method, headers, cache: "no-store", credentials: "same-origin" };
  if (method !== "GET") {
    const type = call.type ?? "application/json";
    headers.set("Content-Type", type);
    if (call.body !== undefined) {
      init.body = type === "application/json" ? JSON.stringify(call.body) : String(call.body);
    } else if (method !== "DELETE" && type === "application/json") {
      init.body = "{}";
    }
  }
  if (call.signal) init.signal = call.signal;
  let response: Response;
  try {
    response = await fetch(path.startsWith("/api/") ? path : BASE + path, init);
  } catch (error) {
    if (call.signal?.aborted) throw error;
    throw new ApiError(0, "Roundel does not answer");
  }
  if (!response.ok) throw await refusal(response);
  return response;
}

/** The JSON body of a call's response; `null` when it has none. */
export async function json<T>(path: string, call: Call = {}): Promise<T> {
  const response = await send(path, call);
  const text = await response.text();
  return (text === "" ? null : JSON.parse(text)) as T;
}

/** A name as one segment of a path. */
export function segment(name: string): string {
  return encodeURIComponent(name);
}

async function refusal(response: Response): Promise<ApiError> {
  const text = await response.text().catch(() => "");
  try {
    const problem = JSON.parse(text) as Partial<Problem>;
    const message = problem.detail ?? problem.title ?? `status ${response.status}`;
    return new ApiError(response.status, message, problem.errors ?? []);
  } catch {
    return new ApiError(response.status, text.trim().slice(0, 500) || `status ${response.status}`);
  }
}
