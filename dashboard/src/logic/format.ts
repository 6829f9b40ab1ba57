// Numbers and times as people read them: few digits, a unit, and never a jump in width.

const THIN = "\u202f";

/** A count with a thin space between thousands: `12 345`. */
export function count(value: number): string {
  return Math.round(value)
    .toString()
    .replace(/\B(?=(\d{3})+(?!\d))/g, THIN);
}

/** A count in at most four characters and a prefix: `950`, `1.2 k`, `3.4 M`. */
export function compact(value: number): string {
  for (const [limit, divisor, prefix] of PREFIXES) {
    if (value >= limit) return `${digits(value / divisor)}${THIN}${prefix}`;
  }
  return digits(value);
}

const PREFIXES: readonly (readonly [number, number, string])[] = [
  [999.5e6, 1e9, "G"],
  [999.5e3, 1e6, "M"],
  [999.5, 1e3, "k"],
];

/** Two to three significant digits, whole numbers from 100 on. */
function digits(value: number): string {
  if (value >= 99.5 || Number.isInteger(value)) return Math.round(value).toString();
  if (value >= 9.95) return trimmed(value.toFixed(1));
  if (value >= 0.995) return trimmed(value.toFixed(1));
  return value < 0.005 ? "0" : trimmed(value.toFixed(2));
}

function trimmed(text: string): string {
  return text.replace(/\.?0+$/, "");
}

/** Requests per second without its unit, which the label beside it carries. */
export function rate(value: number): string {
  return compact(value);
}

/** A share as a percentage: `0 %`, `0.4 %`, `12 %`. What is not zero does not look like it. */
export function percent(share: number): string {
  const value = share * 100;
  if (value <= 0) return `0${THIN}%`;
  if (value < 0.1) return `<${THIN}0.1${THIN}%`;
  const text = value < 9.95 ? trimmed(value.toFixed(1)) : Math.round(value).toString();
  return `${text === "100" && share < 1 ? "99.9" : text}${THIN}%`;
}

/** A duration in milliseconds, with the unit that suits it: `0.8 ms`, `45 ms`, `1.2 s`. */
export function duration(ms: number): string {
  if (ms < 0.995) return ms <= 0 ? `0${THIN}ms` : `${Math.max(ms, 0.01).toFixed(2)}${THIN}ms`;
  if (ms < 9.95) return `${ms.toFixed(1)}${THIN}ms`;
  if (ms < 999.5) return `${Math.round(ms)}${THIN}ms`;
  if (ms < 59_950) return `${trimmed((ms / 1000).toFixed(ms < 9_950 ? 2 : 1))}${THIN}s`;
  return span(ms / 1000);
}

/** Several durations in a row, with a unit only where the next has another: `0.2 · 0.8 · 2.7 ms`. */
export function durations(all: readonly number[]): string {
  const texts = all.map(duration);
  const unit = (text: string | undefined): string | undefined => text?.match(/^[\d.]+\u202f(\D+)$/)?.[1];
  const shown = texts.map((text, index) => {
    const own = unit(text);
    return own !== undefined && own === unit(texts[index + 1]) ? text.slice(0, -own.length - 1) : text;
  });
  return shown.join(" · ");
}

/** `duration`, or a dash where there is nothing to tell. */
export function durationOr(ms: number | null): string {
  return ms === null ? "–" : duration(ms);
}

/** A length of time in its two largest units: `42 s`, `3 min 5 s`, `2 h 10 min`, `4 d 3 h`. */
export function span(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  const minutes = Math.floor(whole / 60);
  const hours = Math.floor(minutes / 60);
  const days = Math.floor(hours / 24);
  if (days > 0) return two(days, "d", hours % 24, "h");
  if (hours > 0) return two(hours, "h", minutes % 60, "min");
  if (minutes > 0) return two(minutes, "min", whole % 60, "s");
  return `${whole}${THIN}s`;
}

function two(large: number, largeUnit: string, small: number, smallUnit: string): string {
  return `${large}${THIN}${largeUnit} ${small}${THIN}${smallUnit}`;
}

/** Seconds from `from` to `to`, never negative: clocks of two machines differ. */
export function secondsBetween(from: string, to: number): number {
  return Math.max(0, (to - Date.parse(from)) / 1000);
}

/** How long ago `at` was, seen from `now`: `just now`, `42 s ago`. */
export function ago(at: string, now: number): string {
  const seconds = secondsBetween(at, now);
  return seconds < 1.5 ? "just now" : `${span(seconds)} ago`;
}

/** A size: `512 B`, `1.5 KiB`, `48 MiB`. */
export function bytes(value: number): string {
  let amount = value;
  for (const unit of ["B", "KiB", "MiB", "GiB"]) {
    if (amount < 1023.5 || unit === "GiB") return `${digits(amount)}${THIN}${unit}`;
    amount /= 1024;
  }
  return "";
}

/** The time of day in the reader's zone: `14:03:07`. */
export function clock(at: string | number): string {
  return new Date(at).toLocaleTimeString("en-GB", { hour12: false });
}

/** The time of day with milliseconds: `14:03:07.125`. */
export function preciseClock(at: string): string {
  const date = new Date(at);
  return `${clock(at)}.${date.getMilliseconds().toString().padStart(3, "0")}`;
}

/** A date and time for titles: `2026-11-26 14:03:07`. */
export function moment(at: string): string {
  const date = new Date(at);
  const day = [date.getFullYear(), date.getMonth() + 1, date.getDate()];
  return `${day.map((part) => part.toString().padStart(2, "0")).join("-")} ${clock(at)}`;
}

/** One thing, many things: `1 endpoint`, `3 endpoints`. */
export function plural(amount: number, noun: string): string {
  return `${count(amount)} ${noun}${amount === 1 ? "" : "s"}`;
}
