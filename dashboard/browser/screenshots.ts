// The pictures in the documentation, taken of the demo under a little load.

import { mkdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Look, launch, Watched } from "./page";
import { Load, Roundel } from "./roundel";

const FOLDER = fileURLToPath(new URL("../../docs/images", import.meta.url));

/** Enough for the charts to show more than their beginning. */
const LOAD_MS = 60_000;

const PICTURES: readonly [string, string, Look][] = [
  ["overview-light", "#/", { scheme: "light", width: 1280, height: 860 }],
  ["pools-dark", "#/pools/demo/Server%202", { scheme: "dark", width: 1280, height: 720 }],
  ["overview-phone", "#/", { scheme: "dark", width: 360, height: 760 }],
];

let browser: Browser;
let roundel: Roundel;
let load: Load;

beforeAll(async () => {
  browser = await launch();
  roundel = await Roundel.start();
  load = new Load(roundel.listener);
  await new Promise((resolve) => setTimeout(resolve, LOAD_MS));
});

afterAll(async () => {
  await load?.stop();
  await roundel?.stop();
  await browser?.close();
});

test.each(PICTURES)("%s", async (name, hash, look) => {
  mkdirSync(FOLDER, { recursive: true });
  const watched = await Watched.open(browser, roundel.admin, hash, look);
  const { page } = watched;
  await page.locator("main .card").first().waitFor();
  // Sparklines need a few points.
  await page.waitForTimeout(8_000);
  await page.screenshot({ path: `${FOLDER}/${name}.png` });
  await watched.close();
  expect(watched.faults).toEqual([]);
});
