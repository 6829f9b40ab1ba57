// What an operator does to endpoints, and takes back.

import { expect, test } from "vitest";
import { Stage } from "./stage";

const stage = new Stage();

test("an endpoint is drained, and that is taken back", async () => {
  await stage.go("#/pools");
  await stage.row("Server 2").getByRole("button", { name: "Drain Server 2" }).click();
  await stage.isSaid("Server 2", "draining");
  await stage.page.getByText("Server 2 is draining").waitFor();
  await stage.requestsGoOn(30);
  await stage.page.getByRole("button", { name: "Undo: Server 2 is draining" }).click();
  await stage.isSaid("Server 2", "enabled");
});

test("each notice keeps its way back until something is in it", async () => {
  const { page } = stage;
  await stage.go("#/pools");
  const undo = (what: string) => page.getByRole("button", { name: `Undo: Server 4 ${what}` });
  const weigh = async (weight: string) => {
    const field = stage.row("Server 4").getByRole("textbox", { name: /Weight of Server 4/ });
    await field.fill(weight);
    await field.press("Enter");
    await undo(`has weight ${weight}`).waitFor();
  };
  await stage.row("Server 4").getByRole("button", { name: "Drain Server 4" }).click();
  await undo("is draining").waitFor();
  await weigh("7");
  expect(await undo("is draining").isVisible(), "the weight is another matter").toBe(true);
  await weigh("9");
  await undo("has weight 7").waitFor({ state: "detached" });
  await undo("is draining").click();
  await stage.isSaid("Server 4", "enabled");

  await stage.go("#/config/audit");
  const entry = (change: string) => page.getByRole("listitem").filter({ hasText: change });
  const weighed = entry("weight 1 → became admin state draining, weight 7");
  await weighed.getByText("Changed again").waitFor();
  expect(await weighed.getByRole("button", { name: /Undo/ }).count()).toBe(0);
  await entry("admin state enabled, weight 1 →").getByText("Taken back").first().waitFor();
  await weighed.getByRole("button", { name: /^at / }).click();
  const newer = entry("became admin state draining, weight 9");
  expect(await newer.evaluate((it) => it === document.activeElement)).toBe(true);
  await newer.getByRole("button", { name: /Undo/ }).click();
  await weighed.getByRole("button", { name: /Undo/ }).click();
  await stage.go("#/pools");
  const field = stage.row("Server 4").getByRole("textbox", { name: /Weight of Server 4/ });
  await expect.poll(() => field.inputValue()).toBe("1");
});

test("a weight is changed where it stands, and taken back by a key", async () => {
  await stage.go("#/pools");
  const field = stage.row("Server 1").getByRole("textbox", { name: /Weight of Server 1/ });
  await field.fill("7");
  await field.press("Enter");
  await stage.page.getByText("Server 1 has weight 7").waitFor();
  await expect.poll(() => field.inputValue()).toBe("7");
  await stage.page.getByRole("heading", { level: 2 }).first().click();
  await stage.page.keyboard.press("u");
  await expect.poll(() => field.inputValue()).toBe("1");
  await stage.go("#/config/audit");
  await stage.page.getByText("endpoint.update").first().waitFor();
});

test("a weight out of bounds is refused before it is sent", async () => {
  await stage.go("#/pools");
  const field = stage.row("Server 1").getByRole("textbox", { name: /Weight of Server 1/ });
  await field.fill("0");
  expect(await field.getAttribute("aria-invalid")).toBe("true");
  await field.press("Enter");
  await field.press("Escape");
  expect(await field.inputValue()).toBe("1");
});

test("an endpoint is added after a refusal that says why, found, and removed", async () => {
  const { page } = stage;
  await stage.go("#/pools");
  await page.getByRole("button", { name: "Add endpoint" }).click();
  const form = page.getByRole("form", { name: /Add an endpoint/ });
  await form.getByLabel("Address").fill("127.0.0.1:1");
  await form.getByLabel("Name").fill("<b>Nowhere</b>");
  stage.watched.expected = /422/;
  await form.getByRole("button", { name: "Add" }).click();
  await page.getByText("Cannot add <b>Nowhere</b>: ").waitFor();
  stage.watched.expected = null;
  await form.getByLabel("Name").fill("Nowhere");
  await form.getByRole("button", { name: "Add" }).click();
  await stage.isSaid("Nowhere", "enabled");
  await stage.row("Nowhere").getByRole("link").click();
  const drawer = page.getByRole("complementary");
  await drawer.getByRole("button", { name: "Remove", exact: true }).click();
  await drawer.getByRole("button", { name: /Remove:/ }).click();
  await stage.row("Nowhere").waitFor({ state: "detached" });
  await stage.requestsGoOn(10);
});
