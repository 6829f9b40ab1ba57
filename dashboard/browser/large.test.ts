// A pool of a thousand endpoints costs the page what a screenful of them costs.

import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { launch, Watched } from "./page";
import { Roundel } from "./roundel";

const ENDPOINTS = 1000;

/** A screen of 900 pixels shows 16 rows of 56; as many again are kept above and below. */
const ROWS_MAX = 60;

/** Of the whole page, with some forty for each row. */
const NODES_MAX = 5000;

const names = Array.from({ length: ENDPOINTS }, (_, index) => `Server ${index + 1}`);

const FILE = `
[admin]
address = "127.0.0.1:0"

[[listener]]
name = "web"
address = "127.0.0.1:0"

[pool.web]
health_check = { enabled = false }
endpoints = [${names.map((name) => `{ name = "${name}", address = "unix:/nonexistent/${name}.sock" }`)}]
`;

let browser: Browser;
let roundel: Roundel;

beforeAll(async () => {
  browser = await launch();
  roundel = await Roundel.withFile(FILE);
});

afterAll(async () => {
  await roundel?.stop();
  await browser?.close();
});

test("only the rows near the window are in the page, wherever one scrolls", async () => {
  const watched = await Watched.open(browser, roundel.admin, "#/pools");
  const { page } = watched;
  const table = page.getByRole("table", { name: "Endpoints of web" });
  await table.waitFor();
  expect(await table.getAttribute("aria-rowcount")).toBe(`${ENDPOINTS + 1}`);
  const size = () =>
    page.evaluate(() => ({
      rows: document.querySelectorAll('[role="row"]').length,
      nodes: document.querySelectorAll("*").length,
    }));
  const isThere = async (number: number) => {
    await page.getByRole("link", { name: `Server ${number}`, exact: true }).waitFor();
    const { rows, nodes } = await size();
    expect(rows).toBeGreaterThan(10);
    expect(rows).toBeLessThan(ROWS_MAX);
    expect(nodes).toBeLessThan(NODES_MAX);
  };
  await isThere(1);
  for (const part of [0.25, 0.5, 0.75]) {
    await page.evaluate((to) => window.scrollTo(0, document.body.scrollHeight * to), part);
    await isThere(Math.round(ENDPOINTS * part));
  }
  await page.keyboard.press("End");
  await isThere(ENDPOINTS);
  await page.getByRole("searchbox").fill("Server 77");
  await isThere(777);
  await watched.close();
  expect(watched.faults).toEqual([]);
});
