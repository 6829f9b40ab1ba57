// Texts shown line by line: what kind of line each is.

export type DiffLine = { kind: "added" | "removed" | "place" | "same"; text: string };

/** The lines of a unified diff, each with what it means. */
export function diffLines(text: string): DiffLine[] {
  const lines = text.replace(/\n$/, "").split("\n");
  return lines.map((line) => {
    if (line.startsWith("@@") || line.startsWith("+++") || line.startsWith("---")) {
      return { kind: "place", text: line };
    }
    if (line.startsWith("+")) return { kind: "added", text: line };
    if (line.startsWith("-")) return { kind: "removed", text: line };
    return { kind: "same", text: line };
  });
}
