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
  await stage.page.getByRole("button", { name: "Undo", exact: true }).click();
  await stage.isSaid("Server 2", "enabled");
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
