// What Roundel says of itself, kept up to date by one stream: the page's single source of truth.

import { batch, computed, signal } from "@preact/signals";
import { json } from "../api/client";
import type { ServerEvent } from "../api/sse";
import { EventStream, type StreamStatus } from "../api/stream";
import type { Audit, Change, History, State } from "../api/types";
import { Rates } from "../logic/rates";
import { EMPTY, fromHistory, type Tracks, withState } from "../logic/series";

/** The newest state; `null` until the first one came. */
export const state = signal<State | null>(null);
export const status = signal<StreamStatus>({ kind: "connecting" });
export const tracks = signal<Tracks>({ totals: EMPTY, pools: new Map() });
/** Changes of state, newest first. */
export const changes = signal<Change[]>([]);
/** Audit entries that came since the page was opened, newest first. */
export const audited = signal<Audit[]>([]);
/** Roundel's clock, in milliseconds since the epoch: ages are told by it and not by the reader's. */
export const now = signal(Date.now());
/** Whether what is shown is what is; greyed otherwise. */
export const isCurrent = computed(() => status.value.kind === "live" && state.value !== null);

/** The last minute of each endpoint's rate. Not a signal: it changes exactly when `state` does. */
export const rates = new Rates();

const LISTED_MAX = 200;
/** States come once a second; the second one missing is worth saying. */
const LATE_AFTER_MS = 2_200;

let offsetMs = 0;
let historyOf: string | null = null;

const stream = new EventStream({
  path: "/events?topics=state,change,audit",
  onEvent: take,
  onStatus(next) {
    if (next.kind !== "connecting" || status.value.kind === "unauthorized") status.value = next;
  },
  lateAfterMs: LATE_AFTER_MS,
  resumeFrom: "0",
});

/** Begins to follow Roundel. */
export function follow(): void {
  stream.open();
  setInterval(() => {
    if (status.value.kind === "live") now.value = Date.now() + offsetMs;
  }, 1_000);
}

export function retryNow(): void {
  stream.retryNow();
}

function take({ event, data }: ServerEvent): void {
  if (event === "state") takeState(JSON.parse(data) as State);
  else if (event === "change") changes.value = added(changes.value, JSON.parse(data) as Change);
  else if (event === "audit") audited.value = added(audited.value, JSON.parse(data) as Audit);
}

function takeState(next: State): void {
  const isAnother = state.value !== null && state.value.started_at !== next.started_at;
  batch(() => {
    if (isAnother) {
      // Another process: its counters and its ids begin anew.
      rates.clear();
      changes.value = [];
      audited.value = [];
    }
    offsetMs = Date.parse(next.now) - Date.now();
    now.value = Date.parse(next.now);
    rates.take(next.pools);
    tracks.value = withState(tracks.value, next);
    state.value = next;
  });
  if (isAnother) stream.resumeFrom("0");
  if (historyOf !== next.started_at) void loadHistory(next.started_at);
}

async function loadHistory(startedAt: string): Promise<void> {
  historyOf = startedAt;
  try {
    const past = fromHistory(await json<History>("/history"));
    const current = state.value;
    tracks.value = current ? withState(past, current) : past;
  } catch {
    // Charts then begin with this page; the next connection asks again.
    historyOf = null;
  }
}

/** `list` with `entry` first, unless it is there: a resumed stream may repeat itself. */
function added<T extends { id: number }>(list: T[], entry: T): T[] {
  if (list.some((known) => known.id === entry.id)) return list;
  return [entry, ...list].sort((a, b) => b.id - a.id).slice(0, LISTED_MAX);
}
