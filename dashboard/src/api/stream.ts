// One stream of server-sent events over `fetch`, watched for silence.
//
// Opens again by itself, after growing pauses; the caller learns of every turn. It is closed while
// the tab is hidden: nobody looks, so Roundel need not make events for it.

import { pauseMs } from "../logic/backoff";
import { ApiError, send } from "./client";
import { EventParser, type ServerEvent } from "./sse";

/** What a stream is doing. */
export type StreamStatus =
  | { kind: "connecting" }
  | { kind: "live" }
  /** Connected, but silent for longer than it should be. */
  | { kind: "late" }
  | { kind: "lost"; reason: string; retryAt: number }
  | { kind: "unauthorized" }
  /** This Roundel has no such stream; nothing to try again. */
  | { kind: "missing" };

export interface StreamOptions {
  path: string;
  onEvent: (event: ServerEvent) => void;
  onStatus: (status: StreamStatus) => void;
  /** Silence after which the stream counts as late; `null` where silence is normal. */
  lateAfterMs: number | null;
  /** The event id to begin after; none leaves out what was before. */
  resumeFrom?: string;
}

/** Silence after which a late stream is given up and opened anew. */
const GIVE_UP_AFTER_MS = 6_000;
const CONNECT_TIMEOUT_MS = 3_000;

export class EventStream {
  readonly #options: StreamOptions;
  #abort: AbortController | null = null;
  #retry: ReturnType<typeof setTimeout> | undefined;
  #watch: ReturnType<typeof setTimeout> | undefined;
  #attempt = 0;
  #lastId = "";
  #isWanted = false;

  constructor(options: StreamOptions) {
    this.#options = options;
    this.#lastId = options.resumeFrom ?? "";
  }

  /** Opens anew, with the events after `id`. */
  resumeFrom(id: string): void {
    this.#lastId = id;
    this.retryNow();
  }

  open(): void {
    this.#isWanted = true;
    document.addEventListener("visibilitychange", this.#onVisibility);
    if (!document.hidden) this.#connect();
  }

  close(): void {
    this.#isWanted = false;
    document.removeEventListener("visibilitychange", this.#onVisibility);
    this.#stop();
  }

  /** Tries at once instead of when the pause is over. */
  retryNow(): void {
    if (!this.#isWanted || document.hidden) return;
    this.#attempt = 0;
    this.#stop();
    this.#connect();
  }

  #onVisibility = (): void => {
    this.#stop();
    this.#attempt = 0;
    if (!document.hidden && this.#isWanted) this.#connect();
  };

  #stop(): void {
    clearTimeout(this.#retry);
    clearTimeout(this.#watch);
    this.#abort?.abort();
    this.#abort = null;
  }

  #connect(): void {
    const abort = new AbortController();
    this.#abort = abort;
    this.#options.onStatus({ kind: "connecting" });
    this.#watchFor(CONNECT_TIMEOUT_MS, () => this.#fail(abort, "no answer"));
    this.#read(abort).then(
      () => this.#fail(abort, "the stream ended"),
      (error: unknown) => this.#fail(abort, error),
    );
  }

  async #read(abort: AbortController): Promise<void> {
    const fields: Record<string, string> = this.#lastId ? { "Last-Event-ID": this.#lastId } : {};
    const call = { accept: "text/event-stream", signal: abort.signal, fields };
    const response = await send(this.#options.path, call);
    const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
    if (!reader) throw new ApiError(0, "the stream has no body");
    const parser = new EventParser();
    this.#heard(abort);
    for (;;) {
      const { done, value } = await reader.read();
      if (done || abort.signal.aborted) return;
      this.#heard(abort);
      for (const event of parser.push(value)) {
        if (event.id) this.#lastId = event.id;
        this.#options.onEvent(event);
      }
    }
  }

  /** Bytes came: the stream lives, and silence is measured from now. */
  #heard(abort: AbortController): void {
    if (this.#abort !== abort) return;
    this.#attempt = 0;
    this.#options.onStatus({ kind: "live" });
    clearTimeout(this.#watch);
    const lateAfterMs = this.#options.lateAfterMs;
    if (lateAfterMs === null) return;
    this.#watchFor(lateAfterMs, () => {
      this.#options.onStatus({ kind: "late" });
      this.#watchFor(GIVE_UP_AFTER_MS - lateAfterMs, () => this.#fail(abort, "no news"));
    });
  }

  #watchFor(ms: number, then: () => void): void {
    clearTimeout(this.#watch);
    this.#watch = setTimeout(then, ms);
  }

  #fail(abort: AbortController, cause: unknown): void {
    if (this.#abort !== abort) return;
    this.#stop();
    if (cause instanceof ApiError && cause.status === 401) {
      this.#options.onStatus({ kind: "unauthorized" });
      return;
    }
    if (cause instanceof ApiError && cause.status === 404) {
      this.#options.onStatus({ kind: "missing" });
      return;
    }
    const reason = cause instanceof Error ? cause.message : String(cause);
    const wait = pauseMs(this.#attempt, Math.random());
    this.#attempt += 1;
    this.#options.onStatus({ kind: "lost", reason, retryAt: Date.now() + wait });
    this.#retry = setTimeout(() => this.#connect(), wait);
  }
}
