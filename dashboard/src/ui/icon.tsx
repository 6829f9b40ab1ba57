// Line icons for controls. Decoration: the control's own name says what it does.

const PATHS = {
  overview: "M3 13V9M8 13V3M13 13V7",
  pools: "M8 3.2a4.8 4.8 0 1 1 0 9.6 4.8 4.8 0 0 1 0-9.6M8 1v2.2M8 12.8V15M1 8h2.2M12.8 8H15",
  apps: "M2.5 2.5h4.6v4.6H2.5zM8.9 2.5h4.6v4.6H8.9zM2.5 8.9h4.6v4.6H2.5zM8.9 8.9h4.6v4.6H8.9z",
  requests: "M2 4h12M2 8h12M2 12h7",
  config: "M2 4.5h7M12 4.5h2M2 11.5h2M7 11.5h7M9 3v3h3V3zM4 10v3h3v-3z",
  close: "M3.5 3.5l9 9M12.5 3.5l-9 9",
  play: "M5 3l8 5-8 5z",
  pause: "M5 3v10M11 3v10",
  stop: "M4 4h8v8H4z",
  kill: "M3.5 3.5l9 9M12.5 3.5l-9 9M8 1.8v2M8 12.2v2",
  restart: "M13 8a5 5 0 1 1-1.6-3.7M13 1.8v3h-3",
  undo: "M3 6.5h6.5a3.7 3.7 0 0 1 0 7.4H6M5.8 3.5l-3 3 3 3",
  plus: "M8 3v10M3 8h10",
  help: "M5.6 6a2.4 2.4 0 1 1 3.4 2.2c-.7.3-1 .8-1 1.5M8 12.2v.3",
  sun: "M8 5.2a2.8 2.8 0 1 1 0 5.6 2.8 2.8 0 0 1 0-5.6M8 1v1.6M8 13.4V15M1 8h1.6M13.4 8H15M3 3l1.2 1.2M11.8 11.8L13 13M3 13l1.2-1.2M11.8 4.2L13 3",
  moon: "M13.2 9.8A5.6 5.6 0 0 1 6.2 2.8a5.6 5.6 0 1 0 7 7z",
  auto: "M8 2a6 6 0 1 1 0 12 6 6 0 0 1 0-12M8 2v12",
  right: "M6 3.5L10.5 8 6 12.5",
  up: "M4 9.5L8 5.5l4 4",
  down: "M4 6.5l4 4 4-4",
  link: "M6.8 9.2l2.4-2.4M7.2 4.8l1.2-1.2a2.7 2.7 0 0 1 3.9 3.9l-1.2 1.2M8.8 11.2l-1.2 1.2a2.7 2.7 0 0 1-3.9-3.9l1.2-1.2",
  download: "M8 2v8M4.8 7.2L8 10.4l3.2-3.2M3 13.4h10",
  search: "M7 2.5a4.5 4.5 0 1 1 0 9 4.5 4.5 0 0 1 0-9M10.4 10.4L14 14",
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name }: { name: IconName }) {
  return (
    <svg class="icon" viewBox="0 0 16 16" aria-hidden="true">
      <path d={PATHS[name]} />
    </svg>
  );
}

/** The emblem: six shares of one ring, the next in turn lit. */
export function Emblem() {
  const arcs = [0, 1, 2, 3, 4, 5].map((turn) => {
    const [from, to] = [turn * 60 - 81, turn * 60 - 39].map((degrees) => (degrees * Math.PI) / 180);
    const point = (angle = 0): string => `${16 + 11.5 * Math.cos(angle)} ${16 + 11.5 * Math.sin(angle)}`;
    return <path class={turn === 0 ? "lit" : ""} d={`M${point(from)}A11.5 11.5 0 0 1 ${point(to)}`} />;
  });
  return (
    <svg class="emblem" viewBox="0 0 32 32" aria-hidden="true">
      {arcs}
      <circle cx="16" cy="16" r="4.6" />
    </svg>
  );
}
