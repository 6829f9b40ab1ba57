import { expect, test } from "vitest";
import { EventParser, type ServerEvent } from "./sse";

function parse(...chunks: string[]): ServerEvent[] {
  const parser = new EventParser();
  return chunks.flatMap((chunk) => parser.push(chunk));
}

test("an event has a topic, data and the id in force", () => {
  expect(parse("id: 7\nevent: change\ndata: {}\n\nevent: state\ndata: 1\n\n")).toEqual([
    { event: "change", data: "{}", id: "7" },
    { event: "state", data: "1", id: "7" },
  ]);
});

test("events come out the same wherever chunks end", () => {
  const text = "event: state\r\ndata: a\r\ndata: b\r\n\r\n: comment\n\ndata:c\n\n";
  const whole = parse(text);
  expect(whole).toEqual([
    { event: "state", data: "a\nb", id: "" },
    { event: "message", data: "c", id: "" },
  ]);
  for (let at = 1; at < text.length; at += 1) expect(parse(text.slice(0, at), text.slice(at))).toEqual(whole);
  expect(parse(...text)).toEqual(whole);
});

test("what is not complete is not an event", () => {
  expect(parse("data: half")).toEqual([]);
  expect(parse("event: nothing\n\n")).toEqual([]);
  expect(parse("unknown: field\nretry: 5\n\n")).toEqual([]);
});

test("a line without end is refused before it fills the memory", () => {
  const parser = new EventParser();
  const chunk = "x".repeat(1024 * 1024);
  expect(() => {
    for (let i = 0; i < 17; i += 1) parser.push(chunk);
  }).toThrow("larger than");
});
