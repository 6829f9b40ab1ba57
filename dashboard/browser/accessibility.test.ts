// Every view, in light, dark and on a phone: nothing serious for axe-core, and no sideways scrolling.

import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { AXE, findings } from "./axe";
import { type Look, launch, Watched } from "./page";
import { Load, Roundel } from "./roundel";

let browser: Browser;
let roundel: Roundel;
let load: Load;

beforeAll(async () => {
  browser = await launch();
  roundel = await Roundel.start();
  load = new Load(roundel.listener);
});

afterAll(async () => {
  await load?.stop();
  await roundel?.stop();
  await browser?.close();
});

const LOOKS: readonly [string, Look][] = [
  ["light", { scheme: "light" }],
  ["dark", { scheme: "dark" }],
  ["phone", { scheme: "light", width: 360, height: 740 }],
  ["dark phone", { scheme: "dark", width: 360, height: 740 }],
];

const VIEWS = [
  "#/",
  "#/pools",
  "#/pools/demo/Server%201",
  "#/apps",
  "#/requests",
  "#/config",
  "#/config/overlay",
  "#/config/check",
  "#/config/audit",
] as const;

describe.each(LOOKS)("%s", (_, look) => {
  test("is fit for everybody in every view", async () => {
    const watched = await Watched.open(browser, roundel.admin, "#/", { ...look, before: AXE });
    const found: string[] = [];
    for (const view of VIEWS) {
      await watched.page.goto(`http://${roundel.admin}/${view}`);
      await watched.page.locator("main h2, main .chips, main .empty, main .card").first().waitFor();
      found.push(...(await findings(watched.page)).map((finding) => `${view}: ${finding}`));
      const isWide = await watched.page.evaluate(() => document.documentElement.scrollWidth > innerWidth);
      if (isWide) found.push(`${view}: scrolls sideways`);
    }
    await watched.close();
    expect([...found, ...watched.faults]).toEqual([]);
  });
});
