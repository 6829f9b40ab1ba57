// The pictures in the documentation, taken of the demo under a little load.

import { mkdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Look, launch, Watched } from "./page";
import { Load, Roundel } from "./roundel";

const FOLDER = fileURLToPath(new URL("../../docs/images", import.meta.url));

/** Enough for the charts to show more than their beginning. */
const LOAD_MS = 60_000;

type Act = (page: Page) => Promise<void>;

const PICTURES: readonly [string, string, Look, Act?][] = [
  ["overview-light", "#/", { scheme: "light", width: 1280, height: 860 }],
  ["pools-dark", "#/pools/demo/Server%202", { scheme: "dark", width: 1280, height: 720 }],
  ["apps-light", "#/apps", { scheme: "light", width: 1280, height: 600 }, killOne],
  ["requests-dark", "#/requests", { scheme: "dark", width: 1280, height: 760 }, explainOne],
  ["overview-phone", "#/", { scheme: "dark", width: 360, height: 760 }],
];

/** An instance that waits for its next start is worth more than six that are well. */
async function killOne(page: Page): Promise<void> {
  await page.getByRole("button", { name: "Kill Server 5" }).click();
  const question = page.getByRole("group", { name: "Kill Server 5 at once?" });
  await question.getByRole("button", { name: /Kill/ }).click();
  await page.getByText("Server 5 is killed").waitFor();
  // Where the program lies on the machine that took the picture is of no interest.
  await page.getByText(/roundel demo-server/).evaluate((command) => {
    command.textContent = "roundel demo-server {name} {port}";
  });
}

async function explainOne(page: Page): Promise<void> {
  await page.getByRole("button", { name: "Pause" }).click();
  await page.getByRole("link", { name: "GET /" }).nth(3).click();
  await page.getByText(/Where .* went/).waitFor();
}

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

test.each(PICTURES)("%s", async (name, hash, look, act) => {
  mkdirSync(FOLDER, { recursive: true });
  const watched = await Watched.open(browser, roundel.admin, hash, look);
  const { page } = watched;
  await page.locator("main .card").first().waitFor();
  // Sparklines need a few points.
  await page.waitForTimeout(8_000);
  await act?.(page);
  await page.waitForTimeout(1_500);
  await page.screenshot({ path: `${FOLDER}/${name}.png` });
  await watched.close();
  expect(watched.faults).toEqual([]);
});
