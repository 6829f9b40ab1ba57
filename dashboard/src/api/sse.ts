// The parser of server-sent events (WHATWG HTML, section 9.2.6): chunks of text in, events out.
//
// `EventSource` cannot send an `Authorization` field, so the streams are read with `fetch`, and
// this takes the part of the browser's parser.

export interface ServerEvent {
  /** The topic; `message` where the stream names none. */
  event: string;
  data: string;
  /** The id in force, which a resumed stream begins after; empty when there is none. */
  id: string;
}

/** A line longer than this is no event of ours: the stream is broken, and the parser says so. */
const BUFFER_CHARS_MAX = 16 * 1024 * 1024;

export class EventParser {
  #rest = "";
  #event = "";
  #data: string[] = [];
  #id = "";

  /** Takes a chunk, which may end anywhere, and returns the events that it completes. */
  push(chunk: string): ServerEvent[] {
    this.#rest += chunk;
    if (this.#rest.length > BUFFER_CHARS_MAX) throw new Error("an event larger than 16 MiB");
    // A `\r` at the very end may be the first half of `\r\n`: it waits for the next chunk.
    const held = this.#rest.endsWith("\r") ? 1 : 0;
    const lines = this.#rest.slice(0, this.#rest.length - held).split(/\r\n|\r|\n/);
    this.#rest = (lines.pop() ?? "") + (held ? "\r" : "");
    const events: ServerEvent[] = [];
    for (const line of lines) this.#line(line, events);
    return events;
  }

  #line(line: string, events: ServerEvent[]): void {
    if (line === "") {
      if (this.#data.length > 0) {
        events.push({ event: this.#event || "message", data: this.#data.join("\n"), id: this.#id });
      }
      this.#event = "";
      this.#data = [];
      return;
    }
    const colon = line.indexOf(":");
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (field === "event") this.#event = value;
    else if (field === "data") this.#data.push(value);
    else if (field === "id" && !value.includes("\0")) this.#id = value;
  }
}
