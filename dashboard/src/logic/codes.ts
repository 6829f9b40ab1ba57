// What each code of an ended exchange or a failed attempt means: read from the reference of end
// reasons, which is made from the program's own words, so that the two cannot differ.

import reference from "../../../docs/reference/end-reasons.md?raw";

/** The rows `| code | meaning |` of the tables in `text`. */
export function rows(text: string): Map<string, string> {
  const found = [...text.matchAll(/^\| `(\w+)` \| (.*) \|$/gm)];
  return new Map(found.map(([, code = "", meaning = ""]) => [code, meaning.replaceAll("`", "")]));
}

const [EXCHANGES = "", ATTEMPTS = ""] = reference.split("## Attempts");
const ENDS = rows(EXCHANGES);
const FAILURES = rows(ATTEMPTS);

/** How an exchange ended, or the code itself when it is not in the reference. */
export function explainEnd(code: string): string {
  return ENDS.get(code) ?? code;
}

/** How an attempt failed, or the code itself when it is not in the reference. */
export function explainFailure(code: string): string {
  return FAILURES.get(code) ?? code;
}
