// Made of docs/reference/openapi.json by `ROUNDEL_BLESS=1 npm test`, and held against it by `npm test`.

/** An endpoint to add. */
export interface AddEndpoint {
  /** Where it is: `10.0.0.1:80`, `[::1]:80`, `app:80` or `unix:/run/app.sock`. */
  address: string;
  /** Takes traffic only when no primary is eligible. */
  backup?: boolean;
  /** Its name; its address when there is none. */
  name?: string | null;
  /** Its share of traffic, relative to the others'. */
  weight?: number;
}

/** What the operator wants of an endpoint. */
export type AdminState = "enabled" | "draining" | "disabled";

/** A program that Roundel runs. */
export interface App {
  autoscale: Autoscale | null;
  /** Program and arguments, with their placeholders. */
  command: string[];
  /** What the autoscaler decided, newest first, at most 20. */
  decisions: Decision[];
  /** Its instances, by index. */
  instances: Instance[];
  /** How many instances there should be. */
  instances_wanted: number;
  /** Whether the autoscaler decides how many there should be. */
  is_autoscaled: boolean;
  /** The most there may be. */
  max: number;
  /** The fewest there may be. */
  min: number;
  /** Its name. */
  name: string;
  /** The pool that its ready instances are endpoints of. */
  pool: string;
  rollout: Rollout | null;
}

/** What can be done with an instance. */
export type AppAction = "start" | "stop" | "kill" | "restart";

/** All apps. */
export interface Apps {
  /** In configured order. */
  apps: App[];
}

/** What an operator did, or tried to do. */
export interface AuditEntry {
  /** What, as `endpoint.update`. */
  action: string;
  /** What is after it. */
  after: Record<string, unknown> | null;
  /** When. */
  at: Time;
  /** What was before, as far as the action concerns it. */
  before: Record<string, unknown> | null;
  /**
   * How many requests it stands for: more than one where requests of one address were refused for
   * the same reason many times.
   */
  count: number;
  /** Why not, or what is worth knowing. */
  detail: string | null;
  /** Grows with time, over restarts too. */
  id: number;
  obstacle: Obstacle | null;
  /** Whether it was done. */
  ok: boolean;
  /** What it was done to, as `web/Server 1`. */
  target: string;
  undo: Undo | null;
  /** Who: the caller's address, and what program it says it is. */
  who: string;
}

/** The audit log, as far as it is kept in memory. */
export interface AuditLog {
  /** Newest first. */
  entries: AuditEntry[];
}

/** What the autoscaler goes by. */
export interface Autoscale {
  /** What is measured. */
  metric: AutoscaleMetric;
  /** What it should be for each instance. */
  target: number;
}

/** What the autoscaler measures. */
export type AutoscaleMetric = "in_flight" | "queue_time" | "cpu";

/** A change of state. */
export interface Change {
  /** The app that it is about, if it is about one. */
  app: string | null;
  /** When. */
  at: Time;
  /** The endpoint that it is about, if it is about one. */
  endpoint: string | null;
  /** Number of the snapshot that shows it. */
  generation: number;
  /** Grows with time, over restarts too; resumes a stream by `Last-Event-ID`. */
  id: number;
  /** The instance that it is about, if it is about one. */
  instance: string | null;
  /** What kind of change, as a stable short word. */
  kind: string;
  /** In words. */
  message: string;
  /** The pool that it is about, if it is about one. */
  pool: string | null;
  /** Whether someone should look. */
  severity: ChangeSeverity;
}

/** Whether someone should look. */
export type ChangeSeverity = "info" | "warn" | "error";

/** The verdict on a configuration that was sent. */
export interface CheckedConfig {
  /** Everything that is wrong, in the order of the text, warnings included. */
  errors: ConfigFault[];
  /** Whether it could be used. */
  ok: boolean;
  /** What it would do, in words, or how much is wrong with it. */
  summary: string;
}

/** One thing that is wrong with a configuration. */
export interface ConfigFault {
  /** Column in characters, from 1. */
  column: number | null;
  /** Line, from 1; null when it is about something that is not there. */
  line: number | null;
  /** What is wrong. */
  message: string;
  /** The same with the text underlined, as `roundel check` shows it. */
  rendered: string;
  /** Whether the configuration can be used all the same. */
  severity: Severity;
}

/** The configuration in force, from each side. */
export interface ConfigPicture {
  /**
   * The lines of `running` that differ from what the file alone would do, as a unified diff; null
   * when none do.
   */
  diff: string | null;
  /** The operator's file; null when there is none. */
  file: string | null;
  /** What operators changed while it ran, as TOML; null when nothing. */
  overlay: string | null;
  /** What is in force, in words, defaults included. */
  running: string;
  /** Its text as it was taken, with `${VAR}` as written; null when there is none. */
  source: string | null;
  /** What of the overlay is about things that are not there, each in words. */
  without_effect: string[];
}

/** Connections to an endpoint. */
export interface Connections {
  /** Idle at this moment. */
  idle: number;
  /** Made since the start. */
  made: number;
  /** Attempts that took an idle one, since the start. */
  reused: number;
}

/** A decision of the autoscaler. */
export interface Decision {
  /** The app. */
  app: string;
  /** When. */
  at: Time;
  /** How many instances there should be until then. */
  from: number;
  /** What it went by. */
  inputs: Record<string, number>;
  /** Why, in words. */
  reason: string;
  /** How many from then on. */
  to: number;
}

/** One address in a pool. */
export interface Endpoint {
  /** Where it is, as configured. */
  address: string;
  /** What the operator wants. */
  admin_state: AdminState;
  /** Connections to it. */
  connections: Connections;
  /** The weight after slow start, in the unit of `weight`. */
  effective_weight: number;
  ejected_until: Time | null;
  /** Share of attempts that failed or were answered with 500 or more, over the last five seconds. */
  error_rate: number;
  /** The same by how they failed; only those that occurred. */
  failures: Record<string, number>;
  /** Attempts that failed since the start. */
  failures_total: number;
  /** What probes found. */
  health: Health;
  /** Attempts running at this moment. */
  in_flight: number;
  /** Takes traffic only when no primary is eligible. */
  is_backup: boolean;
  /** Whether it takes traffic: enabled, present, healthy and not ejected. */
  is_eligible: boolean;
  /**
   * Whether it has taken requests and answered none for longer than its pace suggests: if it is
   * eligible, it is the last choice until it answers.
   */
  is_silent: boolean;
  last_probe: LastProbe | null;
  latency_ms: Percentiles | null;
  /** Its name; unique in its pool. */
  name: string;
  /** What an operator changed while it ran. */
  overridden: Override[];
  /** What its provider knows of the process behind it. */
  presence: Presence;
  /** Attempts a second, over the last five seconds. */
  requests_per_second: number;
  /** Attempts since the start. */
  requests_total: number;
  /** What its host name stands for; null when it has none, or none is known. */
  resolved: string | null;
  /** Responses by status class, as `2xx`; only those that occurred. */
  responses: Record<string, number>;
  /** Its share of the pool's attempts, 0 to 1, over the last five seconds. */
  share: number;
  /** Who named it. */
  source: Source;
  /** Its share of traffic, relative to the others'. */
  weight: number;
}

/** How a process ended. */
export interface Exit {
  /** When. */
  at: Time;
  /** How, in words. */
  status: string;
}

/** What probes found. */
export type Health = "unknown" | "healthy" | "unhealthy";

/** The last five minutes, a point a second. */
export interface History {
  /** When the newest point was taken. */
  at: Time;
  /** From one point to the next. */
  interval_ms: number;
  /** Traffic by pool. */
  pools: Record<string, Series>;
  /** All traffic. */
  totals: Series;
}

/** Why the requests of a pool in which no endpoint takes traffic are held. */
export type Hold = "asleep" | "expected";

/** One process of an app. */
export interface Instance {
  /** Where it listens. */
  address: string;
  /** CPU it uses, in percent of one core; null when it is not known. */
  cpu_percent: number | null;
  /** Its index, from 1. */
  index: number;
  last_exit: Exit | null;
  /** Memory it holds; null when it is not known. */
  memory_bytes: number | null;
  /** Its name, which is also its endpoint's. */
  name: string;
  /** Lines of output since it started. */
  output_lines: number;
  /** Its process id; null when it does not run. */
  pid: number | null;
  /** Why it is in this state, where that needs a reason. */
  reason: string | null;
  /** How often it was started anew. */
  restarts: number;
  started_at: Time | null;
  /** What it is doing. */
  state: InstanceState;
}

/** What an instance is doing. */
export type InstanceState = "starting" | "ready" | "draining" | "stopping" | "stopped" | "backoff" | "failed";

/** Told on a stream to a reader that was too slow. */
export interface Lagged {
  /** Events that it missed. */
  missed: number;
}

/** An endpoint's last probe. */
export interface LastProbe {
  /** When it ended. */
  at: Time;
  /** Whether it went well. */
  ok: boolean;
  /** Why it did not; null when it did. */
  reason: string | null;
  /** How long it took. */
  took_ms: number;
}

/** An address that accepts connections. */
export interface Listener {
  /** Where it listens. */
  address: string;
  /** Connections open. */
  connections_open: number;
  /** Its name. */
  name: string;
  /** Requests begun, a second. */
  requests_per_second: number;
  /** Requests begun since the start. */
  requests_total: number;
  /** Tunnels running. */
  tunnels_open: number;
}

/** What keeps an action from being taken back. */
export interface Obstacle {
  /** The id of the later entry that it is, if it is one. */
  by: number | null;
  /** In words. */
  message: string;
  /** What it is. */
  reason: ObstacleReason;
}

/** What keeps an action from being taken back. */
export type ObstacleReason = "not_done" | "no_way" | "changed_nothing" | "taken_back" | "changed_since";

/** The last lines that an instance wrote. */
export interface Output {
  /** In the order in which they were written. */
  lines: string[];
  /** How many it wrote in all; more than there are here when old ones were dropped. */
  lines_written: number;
  /** What it has written of a line that has not ended, as of a prompt; null when there is none. */
  unfinished: string | null;
}

/** What of an endpoint an operator changed while it ran. */
export type Override = "admin_state" | "weight";

/** Times that a share of the exchanges did not exceed, in milliseconds. */
export interface Percentiles {
  /** Half of them. */
  p50: number;
  /** 95 of 100. */
  p95: number;
  /** 99 of 100. */
  p99: number;
}

/** What the process is doing. */
export type Phase = "starting" | "ready" | "draining";

/** A named group of endpoints with one policy. */
export interface Pool {
  /** The app whose instances are endpoints here; null when there is none. */
  app: string | null;
  /** How an endpoint is chosen. */
  balance: string;
  /** Its endpoints, in the order in which balancers see them. */
  endpoints: Endpoint[];
  /** Exchanges since the start by end reason; only those that occurred. */
  ends: Record<string, number>;
  /** What is probed, in a line; null when nothing is. */
  health_check: string | null;
  /** Attempts begun beside one that waited at an endpoint which seemed to have stopped, since the start. */
  hedges_total: number;
  hold: Hold | null;
  /** Its name. */
  name: string;
  /** Exchanges that wait for a place. */
  queue_length: number;
  /** How many may wait. */
  queue_limit: number;
  /** Attempts after the first of an exchange, since the start. */
  retries_total: number;
  /** Why the candidates are what they are. */
  tier: Tier;
  /** Its traffic. */
  traffic: Traffic;
}

/** All pools. */
export interface Pools {
  /** In configured order. */
  pools: Pool[];
}

/** What the provider of an endpoint knows of the process behind it. */
export type Presence = "present" | "starting" | "absent";

/** A refusal, as `application/problem+json` (RFC 9457). */
export interface ProblemDetails {
  /** What is wrong this time. */
  detail: string;
  /** Everything that is wrong with a configuration; null for other problems. */
  errors: ConfigFault[] | null;
  /** The status of the response. */
  status: number;
  /** The kind of problem in words. */
  title: string;
  /** A stable name of the kind of problem, as `urn:roundel:problem:not_found`. */
  type: string;
}

/** A source of endpoints that is asked for them. */
export interface Provider {
  lost_since: Time | null;
  /** Why it cannot be; null while it can. */
  reason: string | null;
  /** Which. */
  source: Source;
}

/** How a reload went. */
export interface ReloadOutcome {
  /** When. */
  at: Time;
  /** What it changed, or what is wrong with it. */
  message: string;
  /** Whether the file is in force. */
  ok: boolean;
}

/** What a reload did. */
export interface Reloaded {
  /** Number of the snapshot in force. */
  generation: number;
  /** What changed, in a line. */
  message: string;
}

/** Changes to put in force instead of all there are. */
export interface ReplaceOverlay {
  /** As TOML. */
  overlay: string;
}

/** One attempt. */
export type RequestAttempt = RequestPick & {
  /** Its address as configured. */
  address: string;
  /** Connecting; `null` when an idle connection was taken or none was made. */
  connect_ms: number | null;
  /** The endpoint chosen. */
  endpoint: string;
  /** From the attempt's start to the response head; `null` when none came. */
  first_byte_ms: number | null;
  /** `ok`, `cut`, or the code of its failure. */
  outcome: string;
  /** Whether it took an idle connection. */
  reused: boolean;
  /** From the exchange's start to the attempt's. */
  started_ms: number;
  /** Status of the response head; `null` when none came. */
  status: number | null;
};

/** What became of one endpoint. */
export interface RequestCandidate {
  /** Its name. */
  endpoint: string;
  /** Attempts in flight at that moment; `null` when nobody looked. */
  in_flight: number | null;
  /** Why, in plain words. */
  reason: string;
  /**
   * `chosen`, `not_chosen`, `tried`, `at_limit`, `silent`, `unhealthy`, `ejected`, `draining`,
   * `disabled`, `starting`, `absent`, `backup` or `unprobed`.
   */
  verdict: string;
}

/** One exchange, explained. */
export type RequestDetail = RequestSummary & {
  /** The attempts in order: the first ones and the last. */
  attempts_made: RequestAttempt[];
  /** Attempts between those and the last that are not told. */
  attempts_omitted: number;
  refusal: RequestPick | null;
  /** Which route matched and why, or why none did. */
  route_reason: string;
};

/** The endpoints of a pool when one of them was to be chosen. */
export interface RequestPick {
  /** In the pool's order. */
  candidates: RequestCandidate[];
  /** Endpoints that are not listed. */
  candidates_omitted: number;
}

/** One exchange on one line. */
export interface RequestSummary {
  /** When it ended. */
  at: Time;
  /** Attempts made. */
  attempts: number;
  /** The client: the connection's peer, or whom a trusted proxy names. */
  client: string;
  /** Connecting for the last attempt; `null` when an idle connection was taken or none was made. */
  connect_ms: number | null;
  /** How it ended: a code of the end reasons. */
  end: string;
  /** The endpoint of the last attempt. */
  endpoint: string | null;
  /** From the start of the last attempt to its response head; `null` when none came. */
  first_byte_ms: number | null;
  /** Host that was asked for. */
  host: string;
  /** Unique in the process. */
  id: string;
  /** The listener that accepted the connection. */
  listener: string;
  /** As sent; empty, as the next three, when the head was not read so far. */
  method: string;
  /** Path; `?…` stands for a query, unless queries are kept. */
  path: string;
  /** The pool that the route names. */
  pool: string | null;
  /** Wait for an endpoint below its limit; `null` when it did not wait. */
  queue_ms: number | null;
  /** Body bytes taken from the client. */
  request_bytes: number;
  /** `X-Request-Id`, the client's or Roundel's. */
  request_id: string | null;
  /** Body bytes sent to the client. */
  response_bytes: number;
  /** Whether the last attempt took an idle connection; `null` without an attempt. */
  reused: boolean | null;
  /** The route that matched. */
  route: string | null;
  /** Status sent to the client; `null` when none was. */
  status: number | null;
  /** From the first byte of the request head to the last byte of the response. */
  total_ms: number;
  /** HTTP version of the request. */
  version: string;
}

/** The newest exchanges that match. */
export interface Requests {
  /** How many are kept at most. */
  capacity: number;
  /** Newest first. */
  requests: RequestSummary[];
  /** Exchanges that were never kept since the process began, because there were too many. */
  sampled_out: number;
}

/** A rolling restart. */
export interface Rollout {
  /** Why it was stopped; null when it was not. */
  reason: string | null;
  /** How far it is. */
  state: RolloutState;
  /** Instances that shall be. */
  total: number;
  /** Instances that are new. */
  updated: number;
}

/** How far a rolling restart is. */
export type RolloutState = "running" | "stopped" | "done";

/** What matches a request, and the action for it. */
export interface Route {
  /** What it does. */
  action: RouteAction;
  /** Hosts, `*.` for those below; empty for any. */
  hosts: string[];
  /** Methods; empty for any. */
  methods: string[];
  /** Its name. */
  name: string;
  /** `/exact`, `/prefix/*`, or `*` for any. */
  path: string;
  /** The pool, when it leads to one. */
  pool: string | null;
  /** The same, a second. */
  requests_per_second: number;
  /** Requests that took it since the start. */
  requests_total: number;
}

/** What a route does with a request. */
export type RouteAction = "pool" | "respond" | "redirect" | "stats";

/** How many instances an app should have. */
export interface ScaleApp {
  /** From the app's `min` to its `max`. */
  instances: number;
}

/** Points in order of time, the newest last; all lists are of one length, 300 at most. */
export interface Series {
  /** Share of errors. */
  error_rate: number[];
  /** Attempts running. */
  in_flight: number[];
  /** Percentile 50 of the duration; null for a second without traffic. */
  p50_ms: (number | null)[];
  /** Percentile 95. */
  p95_ms: (number | null)[];
  /** Percentile 99. */
  p99_ms: (number | null)[];
  /** Exchanges a second. */
  requests_per_second: number[];
}

/** How bad it is. */
export type Severity = "error" | "warning";

/** Who named an endpoint. */
export type Source = "file" | "api" | "app" | "docker";

/** Everything at one moment: what runs, how it fares, what was changed. */
export interface State {
  /** Apps in configured order. */
  apps: App[];
  /** The configuration file; null when there is none. */
  config_file: string | null;
  /** Number of the snapshot in force; grows by one with each change. */
  generation: number;
  /** Whether an operator changed anything while it ran. */
  has_overlay: boolean;
  last_reload: ReloadOutcome | null;
  /** Listeners in configured order. */
  listeners: Listener[];
  /** When this was put together. */
  now: Time;
  /** What the process is doing. */
  phase: Phase;
  /** Pools in configured order. */
  pools: Pool[];
  /** Providers that the file names. */
  providers: Provider[];
  /** Routes in configured order. */
  routes: Route[];
  /** When the process started. */
  started_at: Time;
  /** All traffic. */
  totals: Traffic;
  /** The program's version. */
  version: string;
  /** Data-plane threads. */
  workers: number;
}

/** Why the candidates of a pool are what they are. */
export type Tier = "primary" | "backup" | "panic" | "unprobed" | "empty";

export type Time = string;

/**
 * Traffic of the whole or of a part. Rates and percentiles are those of the last five seconds. An
 * error is an exchange that ended with a status of 500 or more, or failed.
 */
export interface Traffic {
  /** The share of errors, 0 to 1; 0 without traffic. */
  error_rate: number;
  /** Exchanges since the start that were errors. */
  errors_total: number;
  /** Attempts running at this moment. */
  in_flight: number;
  latency_ms: Percentiles | null;
  /** Exchanges a second. */
  requests_per_second: number;
  /** Exchanges since the start. */
  requests_total: number;
}

/** A request that takes an action back. */
export interface Undo {
  /** Its JSON body; null for none. */
  body: Record<string, unknown> | null;
  /** Its method. */
  method: string;
  /** Its path. */
  path: string;
}

/**
 * A change of an endpoint. A key that is left out stays as it is; `null` takes back what an operator
 * changed before, so that the file decides again.
 */
export interface UpdateEndpoint {
  admin_state?: AdminState | null;
  /** Its share of traffic, relative to the others'. */
  weight?: number | null;
}
