import { describe, expect, test } from "vitest";
import { ago, bytes, compact, count, duration, durations, percent, plural, span } from "./format";

/** With plain spaces, as one types them. */
function plain(text: string): string {
  return text.replace(/\u202f/g, " ");
}

describe("numbers", () => {
  test.each([
    [0, "0"],
    [999, "999"],
    [1000, "1 000"],
    [1234567, "1 234 567"],
  ])("count %d", (value, text) => expect(plain(count(value))).toBe(text));

  test.each([
    [0, "0"],
    [0.001, "0"],
    [0.25, "0.25"],
    [7, "7"],
    [7.04, "7"],
    [7.25, "7.3"],
    [42.35, "42.4"],
    [420.4, "420"],
    [999.4, "999"],
    [999.6, "1 k"],
    [1234, "1.2 k"],
    [48_213, "48.2 k"],
    [999_600, "1 M"],
    [3.4e9, "3.4 G"],
  ])("compact %d", (value, text) => expect(plain(compact(value))).toBe(text));

  test.each([
    [0, "0 %"],
    [0.0004, "< 0.1 %"],
    [0.0123, "1.2 %"],
    [0.5, "50 %"],
    [0.9999, "99.9 %"],
    [1, "100 %"],
  ])("percent %d", (value, text) => expect(plain(percent(value))).toBe(text));

  test.each([
    [0, "0 B"],
    [512, "512 B"],
    [1536, "1.5 KiB"],
    [50_331_648, "48 MiB"],
    [5e12, "4657 GiB"],
  ])("bytes %d", (value, text) => expect(plain(bytes(value))).toBe(text));

  test("one thing is not many", () => {
    expect(plural(1, "endpoint")).toBe("1 endpoint");
    expect(plain(plural(1000, "endpoint"))).toBe("1 000 endpoints");
  });
});

describe("times", () => {
  test.each([
    [0, "0 ms"],
    [0.001, "0.01 ms"],
    [0.42, "0.42 ms"],
    [0.999, "1.0 ms"],
    [4.25, "4.3 ms"],
    [45.4, "45 ms"],
    [1200, "1.2 s"],
    [12_340, "12.3 s"],
    [65_000, "1 min 5 s"],
  ])("duration %d", (ms, text) => expect(plain(duration(ms))).toBe(text));

  test.each([
    [-5, "0 s"],
    [59.9, "59 s"],
    [61, "1 min 1 s"],
    [7260, "2 h 1 min"],
    [90_000, "1 d 1 h"],
  ])("span %d", (seconds, text) => expect(plain(span(seconds))).toBe(text));

  test("a clock that is behind makes nothing negative", () => {
    const at = "2026-01-01T00:00:10.000Z";
    expect(ago(at, Date.parse(at) - 5000)).toBe("just now");
    expect(plain(ago(at, Date.parse(at) + 42_000))).toBe("42 s ago");
  });
});

test("durations in a row share their unit", () => {
  expect(plain(durations([0.16, 0.75, 2.7]))).toBe("0.16 · 0.75 · 2.7 ms");
  expect(plain(durations([45, 450, 1200]))).toBe("45 · 450 ms · 1.2 s");
  expect(plain(durations([999, 1000, 61_000]))).toBe("999 ms · 1 s · 1 min 1 s");
});
