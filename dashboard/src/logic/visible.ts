// Which rows of a long list are near the window.

/** Rows kept beyond each edge, so that a quick turn of the wheel shows no hole. */
const MARGIN_ROWS = 8;
/** The range moves in steps of so many rows, so that not every pixel of scrolling renders anew. */
const STEP_ROWS = 4;

/**
 * The rows `[start, end)` to render when the list's top is `above` pixels above the window's top
 * (negative while it is below it).
 */
export function visibleRows(
  above: number,
  windowHeight: number,
  rowHeight: number,
  total: number,
): [number, number] {
  const first = Math.floor(above / rowHeight / STEP_ROWS) * STEP_ROWS - MARGIN_ROWS;
  const shown = Math.ceil(windowHeight / rowHeight) + STEP_ROWS + 2 * MARGIN_ROWS;
  const start = Math.min(Math.max(0, first), Math.max(0, total - 1));
  return [start, Math.min(total, Math.max(start + 1, first + shown))];
}
