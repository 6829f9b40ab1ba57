// A figure over the last five minutes: a heading with its value of now, lines, and a legend.
//
// The legend is part of the page and not of the picture: it names each line with its value and
// unit, so that nothing hangs on telling colours apart, and lines differ by their dashes too.

import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import uPlot from "uplot";
import { clock } from "../logic/format";
import { POINTS_MAX } from "../logic/series";
import { isDark } from "../state/preferences";

export interface Line {
  label: string;
  values: (number | null)[];
  /** Dashes and gaps; none for a whole line. */
  dash?: number[];
  isFilled?: boolean;
  /** A custom property that holds the colour. */
  colour: string;
}

export interface ChartProps {
  title: string;
  /** How a value is written, unit included. */
  format: (value: number) => string;
  unit?: string;
  at: number[];
  lines: Line[];
  /** The scale's end when all values are below it, so that noise does not look like mountains. */
  topMin: number;
}

const HEIGHT = 132;

export function Chart({ title, format, unit, at, lines, topMin }: ChartProps) {
  const frame = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const [cursor, setCursor] = useState<number | null>(null);
  const dark = isDark.value;
  const shape = lines.map((line) => line.label).join();

  // Made anew only for another shape or theme: the data is set below, each time.
  useEffect(() => {
    const element = frame.current;
    if (!element) return;
    const made = new uPlot(
      options(element, lines, format, topMin, setCursor),
      [[], ...lines.map(() => [])],
      element,
    );
    plot.current = made;
    const observer = new ResizeObserver(() => {
      made.setSize({ width: Math.max(120, element.clientWidth), height: HEIGHT });
    });
    observer.observe(element);
    return () => {
      observer.disconnect();
      made.destroy();
      plot.current = null;
    };
  }, [shape, dark]);

  useLayoutEffect(() => {
    plot.current?.setData([at, ...lines.map((line) => line.values)]);
  });

  const index = cursor !== null && cursor < at.length ? cursor : at.length - 1;
  const values = lines.map((line) => line.values[index] ?? null);
  const main = lines[0]?.values.at(-1) ?? null;
  const seen = cursor !== null && at[index] !== undefined ? clock((at[index] ?? 0) * 1000) : null;
  return (
    <figure class="chart">
      <figcaption>
        <h3>{title}</h3>
        <p class="value">
          {main === null ? "–" : format(main)}
          {unit && <small> {unit}</small>}
        </p>
      </figcaption>
      <div ref={frame} class="plot" aria-hidden="true" />
      <ul class="legend">
        {lines.map((line, place) => (
          <li key={line.label}>
            <svg class="key" viewBox="0 0 18 8" aria-hidden="true">
              <path d="M0 4h18" class={line.colour} stroke-dasharray={line.dash?.join(" ")} />
            </svg>
            {line.label} <b>{valueText(values[place] ?? null, format)}</b>
          </li>
        ))}
        {seen && <li class="when">{seen}</li>}
      </ul>
    </figure>
  );
}

function valueText(value: number | null, format: (value: number) => string): string {
  return value === null ? "–" : format(value);
}

function options(
  element: HTMLElement,
  lines: readonly Line[],
  format: (value: number) => string,
  topMin: number,
  onCursor: (index: number | null) => void,
): uPlot.Options {
  const style = getComputedStyle(element);
  const colour = (name: string): string => style.getPropertyValue(`--${name}`).trim();
  const font = `11px ${style.fontFamily}`;
  const grid = { stroke: colour("line"), width: 1 };
  return {
    width: Math.max(120, element.clientWidth),
    height: HEIGHT,
    // Half a time of day is wider than nothing: the newest one stands right at the edge.
    padding: [8, 16, 0, 0],
    legend: { show: false },
    cursor: { y: false, drag: { setScale: false, x: false, y: false }, points: { size: 6 } },
    scales: {
      x: { time: true, range: (_, __, max) => [max - POINTS_MAX, max] },
      y: { range: (_, __, max) => [0, Math.max(topMin, (max ?? 0) * 1.1)] },
    },
    axes: [
      {
        stroke: colour("quiet"),
        font,
        size: 22,
        space: 64,
        grid: { show: false },
        ticks: { show: false },
        incrs: [60, 120],
        values: (_, splits) => splits.map((at) => clock(at * 1000).slice(0, 5)),
      },
      {
        stroke: colour("quiet"),
        font,
        size: 52,
        gap: 4,
        space: 36,
        grid,
        ticks: { show: false },
        values: (_, splits) => splits.map((value) => format(value)),
      },
    ],
    series: [
      {},
      ...lines.map((line) => ({
        label: line.label,
        stroke: colour(line.colour),
        width: 1.75,
        spanGaps: false,
        points: { show: false },
        ...(line.dash ? { dash: line.dash } : {}),
        ...(line.isFilled ? { fill: colour(`${line.colour}-soft`) } : {}),
      })),
    ],
    hooks: {
      setCursor: [
        (made) => {
          const left = made.cursor.left ?? -1;
          onCursor(left < 0 ? null : (made.cursor.idx ?? null));
        },
      ],
    },
  };
}
