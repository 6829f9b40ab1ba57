// Whether the window is as narrow as a phone, as the styles see it.

import { useEffect, useState } from "preact/hooks";

const NARROW = matchMedia("(max-width: 719px)");

export function useIsNarrow(): boolean {
  const [isNarrow, setNarrow] = useState(NARROW.matches);
  useEffect(() => {
    const onChange = (): void => setNarrow(NARROW.matches);
    NARROW.addEventListener("change", onChange);
    return () => NARROW.removeEventListener("change", onChange);
  }, []);
  return isNarrow;
}
