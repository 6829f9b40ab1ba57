// A minute of a rate in the space of a word. Decoration: the figure beside it says it in words.

const WIDTH = 72;
const HEIGHT = 20;

/** `values` oldest first; the line ends at the right edge, and its scale begins at zero. */
export function Sparkline({ values, points }: { values: readonly number[]; points: number }) {
  const top = Math.max(1e-9, ...values);
  const step = WIDTH / Math.max(1, points - 1);
  const start = WIDTH - (values.length - 1) * step;
  const line = values.map((value, index) => {
    const x = start + index * step;
    const y = HEIGHT - 1.5 - (value / top) * (HEIGHT - 3);
    return `${x.toFixed(1)} ${y.toFixed(1)}`;
  });
  const d = line.length > 1 ? `M${line.join("L")}` : "";
  return (
    <svg class="sparkline" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" aria-hidden="true">
      {d && <path class="area" d={`${d}L${WIDTH} ${HEIGHT}L${start.toFixed(1)} ${HEIGHT}Z`} />}
      {d && <path class="line" d={d} />}
    </svg>
  );
}
