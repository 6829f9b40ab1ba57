// What is known about one thing, beside the list it is in. The list stays live and usable.

import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { Button } from "./button";

interface DrawerProps {
  title: string;
  /** Above the title: what kind of thing it is. */
  kind: string;
  onClose: () => void;
  children: ComponentChildren;
}

export function Drawer({ title, kind, onClose, children }: DrawerProps) {
  const heading = useRef<HTMLHeadingElement>(null);
  // Another title is another thing, read from its heading on.
  useEffect(() => {
    const opener = document.activeElement;
    heading.current?.focus({ preventScroll: true });
    return () => {
      if (opener instanceof HTMLElement && opener.isConnected) opener.focus({ preventScroll: true });
    };
  }, [title]);
  return (
    <aside
      class="drawer"
      aria-label={`${kind} ${title}`}
      onKeyDown={(event) => {
        if (event.key === "Escape") onClose();
      }}
    >
      <header>
        <div>
          <p class="kind">{kind}</p>
          <h2 ref={heading} tabIndex={-1}>
            {title}
          </h2>
        </div>
        <Button icon="close" tone="ghost" label="Close" onClick={onClose} />
      </header>
      <div class="content">{children}</div>
    </aside>
  );
}
