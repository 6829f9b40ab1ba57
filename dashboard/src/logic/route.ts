// Where the page is: the part after `#`, so that every view and every thing in it has a link.

export type ViewName = "overview" | "pools" | "apps" | "requests" | "config";

export interface Place {
  view: ViewName;
  /** What is looked at in the view: a pool and an endpoint, an app and an instance, a request. */
  path: string[];
  /** Filters and the like. */
  query: Record<string, string>;
}

const VIEWS: readonly ViewName[] = ["overview", "pools", "apps", "requests", "config"];

/** Reads a fragment; what is not a place is the overview. */
export function parsePlace(hash: string): Place {
  const [path = "", search = ""] = hash.replace(/^#?\/?/, "").split("?", 2);
  const [first = "", ...rest] = path.split("/").filter((part) => part !== "");
  const view = VIEWS.find((name) => name === first) ?? "overview";
  const query = Object.fromEntries(new URLSearchParams(search));
  return { view, path: view === first ? rest.map(decoded) : [], query };
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

/** The fragment of a place: the reverse of `parsePlace`. */
export function linkTo(
  view: ViewName,
  path: readonly string[] = [],
  query: Record<string, string> = {},
): string {
  const parts = [view === "overview" && path.length === 0 ? "" : view, ...path.map(encodeURIComponent)];
  const kept = Object.entries(query).filter(([, value]) => value !== "");
  const search = kept.length > 0 ? `?${new URLSearchParams(kept)}` : "";
  return `#/${parts.filter((part) => part !== "").join("/")}${search}`;
}
