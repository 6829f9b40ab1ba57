// Judges a page as a screen reader would get it (axe-core), and tells only what is serious.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import type { Page } from "playwright-core";

/** Put into the page before its own scripts, since its content policy lets nothing in later. */
export const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

interface Finding {
  id: string;
  impact: string | null;
  help: string;
  nodes: { html: string; failureSummary?: string }[];
}

declare const axe: { run(context: Document, options: object): Promise<{ violations: Finding[] }> };

/** Serious and critical findings, one line each. */
export async function findings(page: Page): Promise<string[]> {
  const violations = await page.evaluate(async () => {
    const { violations: all } = await axe.run(document, { resultTypes: ["violations"] });
    return all;
  });
  const grave = violations.filter(({ impact }) => impact === "serious" || impact === "critical");
  return grave.flatMap(({ id, help, nodes }) =>
    nodes
      .slice(0, 5)
      .map(({ html, failureSummary }) => `${id}: ${help}: ${html.slice(0, 200)} ${failureSummary ?? ""}`),
  );
}
