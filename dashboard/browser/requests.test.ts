// The request log, and one request explained.

import { expect, test } from "vitest";
import { Stage } from "./stage";

const stage = new Stage();

test("the log is filtered and paused, and a request is explained", async () => {
  await stage.go("#/requests");
  await stage.page.getByPlaceholder("Endpoint").fill("Server 4");
  await stage.page.getByRole("link", { name: "GET /" }).first().waitFor();
  await expect
    .poll(async () => new Set(await stage.page.locator(".requests .whither").allTextContents()).size)
    .toBe(1);
  expect(await stage.page.locator(".requests .whither").first().textContent()).toContain("Server 4");
  await stage.page.getByRole("button", { name: "Pause" }).click();
  await stage.page.getByText(/Paused; [1-9]/).waitFor();
  const lines = await stage.page.locator(".requests .what").count();
  await stage.page.getByRole("link", { name: "GET /" }).first().click();
  const drawer = stage.page.getByRole("complementary");
  await drawer.getByText(/Where .* went/).waitFor();
  await drawer.getByText("1 attempt", { exact: true }).waitFor();
  await drawer
    .getByRole("cell", { name: /chosen/ })
    .first()
    .waitFor();
  expect(await stage.page.locator(".requests .what").count()).toBe(lines);
  await stage.page.keyboard.press("Escape");
  await drawer.waitFor({ state: "detached" });
  await stage.page.getByRole("button", { name: "Resume" }).click();
});

test("a filter that nothing matches says so, and a mistaken one too", async () => {
  await stage.go("#/requests?path=/nothing-like-this");
  await stage.page.getByText("No request matches yet").waitFor();
  await stage.page.getByPlaceholder("Status").fill("9xx");
  await stage.page.getByText(/a class such as 5xx/).waitFor();
});
