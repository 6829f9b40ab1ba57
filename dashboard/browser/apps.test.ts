// What an operator does to apps and their instances.

import { test } from "vitest";
import { Stage } from "./stage";

const stage = new Stage();

test("an instance is killed and started, requests go on, and it comes back", async () => {
  await stage.go("#/apps");
  await stage.row("Server 3").getByRole("button", { name: "Kill Server 3" }).click();
  const question = stage.page.getByRole("group", { name: "Kill Server 3 at once?" });
  await question.getByRole("button", { name: /Kill/ }).click();
  await stage.page.getByText("Server 3 is killed").waitFor();
  await stage.go("#/pools");
  await stage.isSaid("Server 3", "no process");
  await stage.requestsGoOn(60);
  await stage.go("#/apps");
  // It comes back by itself, or sooner by a press.
  const start = stage.row("Server 3").getByRole("button", { name: "Start Server 3" });
  if (await start.isVisible()) await start.click({ timeout: 5_000 }).catch(() => undefined);
  await stage.row("Server 3").getByText("ready", { exact: true }).waitFor();
  await stage.go("#/pools");
  await stage.isSaid("Server 3", "healthy");
  await stage.requestsGoOn(30);
});

test("an app is scaled up and down", async () => {
  await stage.go("#/apps");
  const number = stage.page.getByRole("spinbutton", { name: /Number of instances/ }).first();
  const before = Number(await number.inputValue());
  for (const wanted of [before - 1, before]) {
    await number.fill(String(wanted));
    await stage.page
      .getByRole("button", { name: /^Scale/ })
      .first()
      .click();
    await stage.page.getByText(`scales to ${wanted}`).waitFor();
    await stage.page.getByText(`${wanted} of ${wanted} instances ready`).waitFor();
    await stage.requestsGoOn(20);
  }
});
