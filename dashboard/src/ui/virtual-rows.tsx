// Rows of one height, of which only those near the window are in the page.
//
// The page itself scrolls, not a box in it, so that the wheel, the keys and a finger do what they
// always do, and a thousand rows cost what a screenful costs.

import { Component, type ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { visibleRows } from "../logic/visible";

interface VirtualRowsProps<T> {
  items: readonly T[];
  keyOf: (item: T) => string | number;
  rowHeight: number;
  /** Changes when a row has to be rendered anew although its item is the same. */
  version: unknown;
  children: (item: T, index: number) => ComponentChildren;
}

export function VirtualRows<T>({ items, keyOf, rowHeight, version, children }: VirtualRowsProps<T>) {
  const body = useRef<HTMLDivElement>(null);
  const [range, setRange] = useState<readonly [number, number]>([0, 40]);
  const total = items.length;
  useEffect(() => {
    let frame = 0;
    const measure = (): void => {
      frame = 0;
      if (!body.current) return;
      const above = -body.current.getBoundingClientRect().top;
      const next = visibleRows(above, window.innerHeight, rowHeight, total);
      setRange((current) => (current[0] === next[0] && current[1] === next[1] ? current : next));
    };
    const later = (): void => {
      if (frame === 0) frame = requestAnimationFrame(measure);
    };
    measure();
    // Boxes may scroll too (on a phone, say), and their scrolling does not bubble.
    document.addEventListener("scroll", later, { passive: true, capture: true });
    window.addEventListener("resize", later);
    return () => {
      cancelAnimationFrame(frame);
      document.removeEventListener("scroll", later, { capture: true });
      window.removeEventListener("resize", later);
    };
  }, [rowHeight, total]);
  const [start, end] = [Math.min(range[0], total), Math.min(range[1], total)];
  return (
    <div ref={body} class="rows" role="rowgroup" style={{ height: `${total * rowHeight}px` }}>
      <div class="slice" role="presentation" style={{ transform: `translateY(${start * rowHeight}px)` }}>
        {items.slice(start, end).map((item, offset) => (
          <Row key={keyOf(item)} item={item} index={start + offset} version={version} draw={children} />
        ))}
      </div>
    </div>
  );
}

interface RowProps<T> {
  item: T;
  index: number;
  version: unknown;
  draw: (item: T, index: number) => ComponentChildren;
}

/** A row that scrolling alone does not render anew. */
class Row<T> extends Component<RowProps<T>> {
  override shouldComponentUpdate(next: RowProps<T>): boolean {
    const { item, index, version } = this.props;
    return next.item !== item || next.index !== index || next.version !== version;
  }

  override render(): ComponentChildren {
    const { item, index, draw } = this.props;
    return draw(item, index);
  }
}
