// What an operator sees: a real Roundel, real servers, a real browser.

import { expect, test } from "vitest";
import { Load, Roundel } from "./roundel";
import { Stage } from "./stage";

const stage = new Stage();

test("the overview shows traffic, the topology and the pools", async () => {
  await stage.page.getByRole("heading", { name: "Where requests go" }).waitFor();
  for (const name of ["Server 1", "Server 6"])
    await stage.page
      .getByRole("link", { name: new RegExp(name) })
      .first()
      .waitFor();
  await expect.poll(() => stage.page.locator(".chart .value").first().textContent()).toMatch(/[1-9]/);
  expect(await stage.page.locator("canvas").count()).toBe(4);
});

test("a killed server turns, requests go on, and it comes back", async () => {
  await stage.go("#/pools");
  await stage.isSaid("Server 3", "healthy");
  stage.roundel.kill("Server 3");
  await stage.isSaid("Server 3", "no process");
  await stage.requestsGoOn(60);
  await stage.isSaid("Server 3", "healthy");
  await stage.requestsGoOn(30);
});

test("a configuration is checked with the words of the command line", async () => {
  await stage.go("#/config/check");
  await stage.page.getByRole("textbox").fill('[pool.web]\nendpoint = ["127.0.0.1:1"]\n');
  await stage.page.getByRole("button", { name: "Check" }).click();
  await stage.page.getByText("It cannot be used").waitFor();
  await stage.page
    .getByText(/endpoint/)
    .last()
    .waitFor();
  expect(await stage.page.locator("pre.output").first().textContent()).toContain("endpoint");
});

test("without a file the configuration says so once", async () => {
  await stage.go("#/config");
  await stage.page.getByText("There is no file").waitFor();
  await stage.page.getByLabel("The configuration in force").waitFor();
  expect(await stage.page.getByRole("heading", { name: "The file" }).count()).toBe(0);
  expect(await stage.page.getByRole("button", { name: "Reload now" }).count()).toBe(0);
});

test("keys lead everywhere", async () => {
  await stage.page.keyboard.press("?");
  const help = stage.page.getByRole("dialog", { name: "Help" });
  await help.waitFor();
  await stage.page.keyboard.press("Escape");
  await help.waitFor({ state: "hidden" });
  for (const [key, title] of [
    ["p", "Pools"],
    ["a", "Apps"],
    ["r", "Requests"],
    ["c", "Configuration"],
    ["o", "Overview"],
  ] as const) {
    await stage.page.keyboard.press("g");
    await stage.page.keyboard.press(key);
    await stage.page.getByRole("heading", { level: 1, name: title }).waitFor({ state: "attached" });
  }
  await stage.page.keyboard.press("Tab");
  await stage.page.keyboard.press("Shift+Tab");
  await stage.page.evaluate(() => (document.activeElement as HTMLElement | null)?.blur());
  await stage.page.keyboard.press("Tab");
  expect(await stage.page.evaluate(() => document.activeElement?.textContent)).toContain("Skip to content");
});

test("a stop is seen at once, and the page goes on when Roundel is back", async () => {
  await stage.go("#/pools");
  await stage.isSaid("Server 1", "healthy");
  await stage.load.stop();
  stage.watched.expected = /net::ERR_/;
  await stage.roundel.stop();
  await stage.page.getByText("Roundel does not answer.").waitFor({ timeout: 10_000 });
  expect(await stage.page.locator("main").getAttribute("class")).toContain("stale");
  stage.roundel = await Roundel.start(stage.roundel);
  await stage.page.getByText("Roundel does not answer.").waitFor({ state: "detached" });
  await stage.isSaid("Server 1", "healthy");
  stage.watched.expected = null;
  stage.load = new Load(stage.roundel.listener);
  await stage.requestsGoOn(10);
});

test("a token is asked for, and kept for the tab", async () => {
  const { page } = stage;
  stage.watched.expected = /401/;
  await page.route("**/api/v1/**", (route) => {
    const isRight = route.request().headers().authorization === "Bearer s3cret";
    return isRight ? route.continue() : route.fulfill({ status: 401, body: "" });
  });
  await page.reload();
  const token = page.getByLabel("Token", { exact: true });
  await token.fill("wrong");
  await page.getByRole("button", { name: "Open" }).click();
  await page.getByText("The token was refused.").waitFor();
  await token.fill("s3cret");
  await page.getByRole("button", { name: "Open" }).click();
  await page.getByRole("heading", { name: "Where requests go" }).waitFor();
  await page.reload();
  await page.getByRole("heading", { name: "Where requests go" }).waitFor();
});
