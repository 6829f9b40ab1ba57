// Puts the simulated Roundel behind the page: the paths of the admin API, on Vite's own server.

import type { IncomingMessage, ServerResponse } from "node:http";
import type { Plugin } from "vite";
import type { RequestSummary } from "../src/api/types";
import { mutate, problem } from "./actions";
import { Simulation } from "./simulation";

const SOURCE = `[admin]
address = "127.0.0.1:8090"

[[listener]]
name = "web"
address = "0.0.0.0:8080"

[pool.demo]
balance = "round_robin"
health_check = { path = "/health" }

[app.demo]
command = ["python3", "server.py", "{name}", "{port}"]
ports = "5001-5010"
instances = { min = 1, max = 10 }
`;

const OVERLAY = `[pool.api.endpoints."api-2.internal.example.com"]
weight = 3
`;

const DIFF = ` [pool.api]
-  { address = "10.0.0.12:8080", name = "api-2.internal.example.com" },
+  { address = "10.0.0.12:8080", name = "api-2.internal.example.com", weight = 3 },
`;

/** Requests shown of each second's: the log is sampled, and says so. */
const SHOWN_PER_SECOND = 12;

export function simulated(scenario: string, icon: string): Plugin {
  const sim = new Simulation(scenario, Date.now());
  const pulse = new Set<() => void>();
  let isTicking = false;
  const start = (): void => {
    if (isTicking) return;
    isTicking = true;
    setInterval(() => {
      sim.tick(Date.now());
      for (const beat of pulse) beat();
    }, 1000).unref();
  };
  const serve = (request: IncomingMessage, response: ServerResponse, next: () => void): void => {
    const url = new URL(request.url ?? "/", "http://localhost");
    if (url.pathname === "/icon.svg") {
      response.setHeader("Content-Type", "image/svg+xml");
      response.end(icon);
      return;
    }
    if (!url.pathname.startsWith("/api/v1/")) {
      next();
      return;
    }
    start();
    void answer(sim, pulse, request, response, url);
  };
  return {
    name: "simulated",
    configureServer: (server) => void server.middlewares.use(serve),
    configurePreviewServer: (server) => void server.middlewares.use(serve),
  };
}

async function answer(
  sim: Simulation,
  pulse: Set<() => void>,
  request: IncomingMessage,
  response: ServerResponse,
  url: URL,
): Promise<void> {
  const parts = url.pathname.slice("/api/v1/".length).split("/").map(decodeURIComponent);
  if (request.method === "GET") {
    const isStream = request.headers.accept === "text/event-stream";
    if (parts[0] === "events")
      return stream(pulse, request, response, events(sim, Number(request.headers["last-event-id"] ?? 0)));
    if (parts[0] === "requests" && isStream)
      return stream(pulse, request, response, log(sim, url.searchParams));
    const body = read(sim, parts, url.searchParams);
    if (body instanceof Object) return send(response, 200, body);
    return send(response, 404, problem(404, "not found").body);
  }
  const text = await bodyOf(request);
  const body = request.headers["content-type"] === "text/plain" ? { text } : JSON.parse(text || "{}");
  const { status, body: result } =
    mutate(sim, request.method ?? "", parts, body) ?? problem(404, "not found");
  send(response, status, result);
}

function read(sim: Simulation, parts: readonly string[], query: URLSearchParams): unknown {
  const { state } = sim;
  const [kind, name, , instance] = parts;
  switch (kind) {
    case "state":
      return state;
    case "history":
      return sim.history();
    case "audit":
      return { entries: sim.audit };
    case "apps":
      return instance
        ? {
            lines: sim.output.get(instance) ?? [],
            lines_written: sim.output.get(instance)?.length ?? 0,
            unfinished: null,
          }
        : state.apps;
    case "config":
      return name === "overlay"
        ? { text: OVERLAY }
        : {
            file: state.config_file,
            source: SOURCE,
            running:
              "listener web on 0.0.0.0:8080\n  /        → pool demo\npool demo: round_robin, 6 endpoints\n",
            overlay: state.has_overlay ? OVERLAY : null,
            diff: state.has_overlay ? DIFF : null,
          };
    case "requests":
      return name
        ? sim.requests.find((it) => String(it.id) === name)
        : {
            requests: sim.requests.filter((it) => isWanted(it, query)).slice(0, 100),
            sampled_out: 0,
            capacity: 500,
          };
    default:
      return undefined;
  }
}

type Source = () => string;

function stream(
  pulse: Set<() => void>,
  request: IncomingMessage,
  response: ServerResponse,
  next: Source,
): void {
  response.writeHead(200, { "Content-Type": "text/event-stream", "Cache-Control": "no-store" });
  const beat = (): void => void response.write(next());
  beat();
  pulse.add(beat);
  request.on("close", () => pulse.delete(beat));
}

function events(sim: Simulation, from: number): Source {
  let seen = from;
  let audited = sim.audit[0]?.id ?? 0;
  return () => {
    const fresh = sim.changes.filter((change) => change.id > seen);
    seen = fresh.at(-1)?.id ?? seen;
    const entries = sim.audit.filter((entry) => entry.id > audited);
    audited = sim.audit[0]?.id ?? audited;
    return [
      ...fresh.map((change) => event("change", change, change.id)),
      ...entries.map((entry) => event("audit", entry)),
      event("state", sim.state),
    ].join("");
  };
}

function log(sim: Simulation, query: URLSearchParams): Source {
  let sampledOut = 0;
  return () => {
    const made = Array.from({ length: SHOWN_PER_SECOND }, () => sim.request(Date.now()));
    const shown = made.filter((it) => it !== null).filter((it) => isWanted(it, query));
    sampledOut += Math.max(0, Math.round(sim.state.totals.requests_per_second) - SHOWN_PER_SECOND);
    return [...shown.map((it) => event("request", it)), event("sampled", { sampled_out: sampledOut })].join(
      "",
    );
  };
}

function isWanted(it: RequestSummary, query: URLSearchParams): boolean {
  const is = (key: string, value: string | null): boolean => !query.get(key) || query.get(key) === value;
  const status = query.get("status") ?? "";
  return (
    is("pool", it.pool) &&
    is("endpoint", it.endpoint) &&
    is("method", it.method) &&
    (status === "" || String(it.status).startsWith(status.replace(/x/g, ""))) &&
    it.path.includes(query.get("path") ?? "") &&
    it.total_ms >= Number(query.get("min_ms") ?? 0)
  );
}

function event(topic: string, data: unknown, id?: number): string {
  return `${id === undefined ? "" : `id: ${id}\n`}event: ${topic}\ndata: ${JSON.stringify(data)}\n\n`;
}

function send(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, {
    "Content-Type": status < 400 ? "application/json" : "application/problem+json",
  });
  response.end(body === null ? "" : JSON.stringify(body));
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString("utf8");
}
