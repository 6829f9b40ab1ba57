// What each code of an ended exchange or a failed attempt means: read from the reference of end
// reasons, which is made from the program's own words, so that the two cannot differ.

import reference from "../../../docs/reference/end-reasons.md?raw";

interface Meaning {
  text: string;
  /** Whether an exchange that ended so counts as an error whatever its status. */
  isError: boolean;
}

/** The rows `| code | meaning |` or `| code | yes or no | meaning |` of the tables in `text`. */
export function rows(text: string): Map<string, Meaning> {
  const found = [...text.matchAll(/^\| `(\w+)` \|(?: (yes|no) \|)? (.*) \|$/gm)];
  return new Map(
    found.map(([, code = "", error, meaning = ""]) => [
      code,
      { text: meaning.replaceAll("`", ""), isError: error === "yes" },
    ]),
  );
}

const [EXCHANGES = "", ATTEMPTS = ""] = reference.split("## Attempts");
const ENDS = rows(EXCHANGES);
const FAILURES = rows(ATTEMPTS);

/** How an exchange ended, or the code itself when it is not in the reference. */
export function explainEnd(code: string): string {
  return ENDS.get(code)?.text ?? code;
}

/** How an attempt failed, or the code itself when it is not in the reference. */
export function explainFailure(code: string): string {
  return FAILURES.get(code)?.text ?? code;
}

/** Whether ending so is a failure of Roundel or the endpoints, and not a client's doing. */
export function isErrorEnd(code: string): boolean {
  return ENDS.get(code)?.isError ?? true;
}
