// The shapes of the admin API, as its reference defines them. An absent value is `null`, never a
// missing key; times are RFC 3339 in UTC; durations end in `_ms`, and shares run from 0 to 1.

export interface Percentiles {
  p50: number;
  p95: number;
  p99: number;
}

export interface Traffic {
  requests_total: number;
  errors_total: number;
  requests_per_second: number;
  error_rate: number;
  in_flight: number;
  latency_ms: Percentiles | null;
}

export type Phase = "starting" | "ready" | "draining";

export interface State {
  version: string;
  started_at: string;
  now: string;
  generation: number;
  workers: number;
  phase: Phase;
  last_reload: Reload | null;
  has_overlay: boolean;
  config_file: string | null;
  totals: Traffic;
  listeners: Listener[];
  routes: Route[];
  pools: Pool[];
  apps: App[];
}

export interface Reload {
  at: string;
  ok: boolean;
  message: string;
}

export interface Listener {
  name: string;
  address: string;
  connections_open: number;
  requests_total: number;
  requests_per_second: number;
  tunnels_open: number;
}

export interface Route {
  name: string;
  hosts: string[];
  path: string;
  methods: string[];
  action: "pool" | "respond" | "redirect" | "stats";
  pool: string | null;
  requests_total: number;
  requests_per_second: number;
}

export type Tier = "primary" | "backup" | "panic" | "unprobed" | "empty";

export interface Pool {
  name: string;
  balance: string;
  tier: Tier;
  queue_length: number;
  queue_limit: number;
  retries_total: number;
  health_check: string | null;
  app: string | null;
  traffic: Traffic;
  ends: Record<string, number>;
  endpoints: Endpoint[];
}

export type Source = "file" | "api" | "app" | "docker";
export type AdminState = "enabled" | "draining" | "disabled";
export type Presence = "present" | "starting" | "absent";
export type Health = "unknown" | "healthy" | "unhealthy";

export interface Endpoint {
  name: string;
  address: string;
  resolved: string | null;
  source: Source;
  weight: number;
  effective_weight: number;
  is_backup: boolean;
  admin_state: AdminState;
  /** What its provider knows of the process behind it. */
  presence: Presence;
  health: Health;
  ejected_until: string | null;
  is_eligible: boolean;
  overridden: ("admin_state" | "weight")[];
  last_probe: Probe | null;
  in_flight: number;
  requests_total: number;
  failures_total: number;
  failures: Record<string, number>;
  responses: Record<string, number>;
  connections: { made: number; reused: number; idle: number };
  requests_per_second: number;
  error_rate: number;
  share: number;
  latency_ms: Percentiles | null;
}

export interface Probe {
  at: string;
  took_ms: number;
  ok: boolean;
  reason: string | null;
}

export interface App {
  name: string;
  pool: string;
  command: string[];
  instances_wanted: number;
  min: number;
  max: number;
  is_autoscaled: boolean;
  autoscale: { metric: string; target: number } | null;
  instances: Instance[];
  rollout: Rollout | null;
  decisions: Decision[];
}

export interface Rollout {
  state: "running" | "stopped" | "done";
  updated: number;
  total: number;
  reason: string | null;
}

export type InstanceState = "starting" | "ready" | "draining" | "stopping" | "stopped" | "backoff" | "failed";

export interface Instance {
  name: string;
  index: number;
  state: InstanceState;
  pid: number | null;
  address: string;
  started_at: string | null;
  restarts: number;
  cpu_percent: number | null;
  memory_bytes: number | null;
  last_exit: { at: string; status: string } | null;
  reason: string | null;
  output_lines: number;
}

export interface Decision {
  at: string;
  app: string;
  from: number;
  to: number;
  reason: string;
  inputs: Record<string, number>;
}

export interface Series {
  requests_per_second: number[];
  error_rate: number[];
  in_flight: number[];
  p50_ms: (number | null)[];
  p95_ms: (number | null)[];
  p99_ms: (number | null)[];
}

export interface History {
  interval_ms: number;
  at: string;
  totals: Series;
  pools: Record<string, Series>;
}

export interface Change {
  id: number;
  at: string;
  generation: number;
  kind: string;
  severity: "info" | "warn" | "error";
  pool: string | null;
  endpoint: string | null;
  app: string | null;
  instance: string | null;
  message: string;
}

export interface Undo {
  method: string;
  path: string;
  body: unknown;
}

export interface Audit {
  id: number;
  at: string;
  who: string;
  action: string;
  target: string;
  before: unknown;
  after: unknown;
  ok: boolean;
  /** Requests it stands for: refusals of one kind are put together. */
  count: number;
  detail: string | null;
  undo: Undo | null;
}

export interface RequestSummary {
  id: string;
  at: string;
  client: string;
  listener: string;
  method: string;
  host: string;
  path: string;
  version: string;
  route: string | null;
  pool: string | null;
  endpoint: string | null;
  attempts: number;
  status: number | null;
  request_bytes: number;
  response_bytes: number;
  /** `null` without an attempt. */
  reused: boolean | null;
  queue_ms: number | null;
  connect_ms: number | null;
  first_byte_ms: number | null;
  total_ms: number;
  end: string;
  request_id: string | null;
}

export type Verdict =
  | "chosen"
  | "not_chosen"
  | "tried"
  | "at_limit"
  | "silent"
  | "unhealthy"
  | "ejected"
  | "draining"
  | "disabled"
  | "starting"
  | "absent"
  | "backup"
  | "unprobed";

export interface Candidate {
  endpoint: string;
  verdict: Verdict;
  in_flight: number | null;
  reason: string;
}

/** The endpoints of a pool when one of them was to be chosen. */
export interface Pick {
  candidates: Candidate[];
  candidates_omitted: number;
}

export interface Attempt extends Pick {
  endpoint: string;
  address: string;
  started_ms: number;
  connect_ms: number | null;
  first_byte_ms: number | null;
  reused: boolean;
  outcome: string;
  status: number | null;
}

export interface RequestDetail extends RequestSummary {
  route_reason: string;
  attempts_made: Attempt[];
  /** Attempts between those and the last that are not told. */
  attempts_omitted: number;
  /** The pool's endpoints when it ended for want of a place at one. */
  refusal: Pick | null;
}

export interface Requests {
  requests: RequestSummary[];
  sampled_out: number;
  capacity: number;
}

export interface Config {
  file: string | null;
  source: string | null;
  running: string;
  overlay: string | null;
  diff: string | null;
}

export interface ConfigError {
  severity: "error" | "warning";
  line: number | null;
  column: number | null;
  message: string;
  rendered: string;
}

export interface Checked {
  ok: boolean;
  summary: string;
  errors: ConfigError[];
}

export interface Reloaded {
  message: string;
  generation: number;
}

export interface Output {
  lines: string[];
  lines_written: number;
}

export interface Problem {
  type: string;
  title: string;
  status: number;
  detail: string | null;
  errors?: ConfigError[];
}
