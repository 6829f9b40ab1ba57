// The live request log: a stream with a filter, a bounded list, and a pause that loses nothing it
// need not lose.

import { signal } from "@preact/signals";
import { json } from "../api/client";
import type { ServerEvent } from "../api/sse";
import { EventStream, type StreamStatus } from "../api/stream";
import type { RequestSummary, Requests } from "../api/types";
import { NO_FILTER, queryOf, type RequestFilter } from "../logic/requests";
import { Ring } from "../logic/ring";

/** What the list holds at most. */
export const LOG_MAX = 500;

/** The list moves at most so often, so that it can be read and pressed while it runs. */
const SHOW_EVERY_MS = 400;

/** Newest first. */
export const shown = signal<RequestSummary[]>([]);
export const isPaused = signal(false);
/** Requests that came since the pause began. */
export const waiting = signal(0);
/** Requests that the stream left out because there were too many. */
export const sampledOut = signal(0);
export const logStatus = signal<StreamStatus>({ kind: "connecting" });

const ring = new Ring<RequestSummary>(LOG_MAX);
const seen = new Set<RequestSummary["id"]>();
let stream: EventStream | null = null;
let timer: ReturnType<typeof setTimeout> | undefined;
let opened = 0;

/** Shows what matches `filter`, first what Roundel still has, then what comes. */
export async function openLog(filter: RequestFilter = NO_FILTER): Promise<void> {
  closeLog();
  opened += 1;
  const own = opened;
  stream = new EventStream({
    path: `/requests${queryOf(filter)}`,
    onEvent: take,
    onStatus(next) {
      logStatus.value = next;
    },
    lateAfterMs: null,
  });
  try {
    const past = await json<Requests>(`/requests${queryOf(filter, { limit: "100" })}`);
    if (own !== opened) return;
    for (const request of past.requests.toReversed()) add(request);
    show();
  } catch {
    // The stream says what is wrong, and tries again.
  }
  if (own === opened) stream?.open();
}

export function closeLog(): void {
  opened += 1;
  stream?.close();
  stream = null;
  clearTimeout(timer);
  timer = undefined;
  ring.clear();
  seen.clear();
  shown.value = [];
  waiting.value = 0;
  sampledOut.value = 0;
}

export function setPaused(pause: boolean): void {
  isPaused.value = pause;
  if (!pause) show();
}

function take({ event, data }: ServerEvent): void {
  if (event === "sampled") {
    sampledOut.value += (JSON.parse(data) as { sampled_out: number }).sampled_out;
    return;
  }
  if (event !== "request") return;
  if (!add(JSON.parse(data) as RequestSummary)) return;
  if (isPaused.value) waiting.value += 1;
  else timer ??= setTimeout(show, SHOW_EVERY_MS);
}

/** Whether it is new: the list from before and the stream may overlap. */
function add(request: RequestSummary): boolean {
  if (seen.has(request.id)) return false;
  ring.push(request);
  seen.add(request.id);
  if (seen.size > LOG_MAX * 4) {
    seen.clear();
    for (const kept of ring.items()) seen.add(kept.id);
  }
  return true;
}

function show(): void {
  timer = undefined;
  if (isPaused.value) return;
  shown.value = ring.items().reverse();
  waiting.value = 0;
}
