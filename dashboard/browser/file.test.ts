// What an operator does to a Roundel that has a file: restart, reload, take changes back, and what is
// to be seen of apps that follow the load.

import { get } from "node:http";
import { expect, test } from "vitest";
import { BINARY } from "./roundel";
import { Stage } from "./stage";

const server = (name: string) =>
  `command = ["/bin/sh", "-c", "echo I am {name}; exec ${BINARY} demo-server '{name}' {port}"]\nname = "${name} {index}"`;

const FILE = `
[admin]
address = "127.0.0.1:0"

[[listener]]
name = "web"
address = "127.0.0.1:0"

[[route]]
hosts = ["elastic.test"]
pool = "elastic"

[[route]]
pool = "web"

[pool.web]
health_check = { path = "/health", interval = "3s", timeout = "3s", unhealthy_interval = "50ms" }

[app.web]
${server("Server")}
instances = { min = 3, max = 4 }

[app.elastic]
${server("Elastic")}
instances = { min = 0, max = 3 }
[app.elastic.autoscale]
target_in_flight = 2
scale_to_zero_after = "1h"
`;

const stage = new Stage(FILE);

async function processes(): Promise<string[]> {
  const table = stage.page.getByRole("region", { name: "App web" }).getByRole("table");
  const cells = await table.locator('td[data-label="Process"]').allTextContents();
  return cells.filter((text) => /^\d+$/.test(text));
}

test("a rolling restart replaces every process, and no request fails", async () => {
  await stage.go("#/apps");
  await expect.poll(processes).toHaveLength(3);
  const before = await processes();
  const web = stage.page.getByRole("region", { name: "App web" });
  await web.getByRole("button", { name: "Rolling restart" }).click();
  const question = stage.page.getByRole("group", { name: /Restart web, one instance after the other/ });
  await question.getByRole("button", { name: /Restart/ }).click();
  await stage.page.getByText("web restarts, one instance after the other").waitFor();
  await expect
    .poll(async () => {
      const now = await processes();
      return now.length === 3 && now.every((pid) => !before.includes(pid));
    })
    .toBe(true);
  await web.getByText("3 of 3 instances ready").waitFor();
  await stage.requestsGoOn(30);
});

test("a good file is taken, a bad one is shown with its mistakes and changes nothing", async () => {
  const { page } = stage;
  await stage.go("#/config");
  const reload = page.getByRole("button", { name: "Reload now" });
  const running = page.getByLabel("The configuration in force");
  stage.roundel.writeFile(FILE.replace("[pool.web]", '[pool.web]\nbalance = "least_request"'));
  await reload.click();
  await page.getByText("Reloaded", { exact: true }).waitFor();
  await expect.poll(() => running.textContent()).toContain("least_request");
  expect(await page.getByLabel("The configuration file").textContent()).toContain("least_request");
  stage.watched.expected = /422/;
  stage.roundel.writeFile(FILE.replace("[pool.web]", '[pool.web]\nbalanse = "random"'));
  await reload.click();
  await page.getByText("Not taken", { exact: true }).waitFor();
  const mistake = page.locator(".reload-action pre.output").first();
  expect(await mistake.textContent()).toContain("balanse");
  expect(await mistake.textContent()).toContain("did you mean");
  await page.getByText("Rejected: the one before stays in force").waitFor();
  expect(await running.textContent()).toContain("least_request");
  stage.roundel.writeFile(FILE);
  await reload.click();
  await page.getByText("Reloaded", { exact: true }).waitFor();
  await stage.requestsGoOn(30);
});

test("changes are listed, taken back as a whole, and that is taken back", async () => {
  const { page } = stage;
  await stage.go("#/config/overlay");
  await page.getByText("The file says it all").waitFor();
  await stage.go("#/pools");
  await stage.row("Server 2").getByRole("button", { name: "Drain Server 2" }).click();
  await stage.isSaid("Server 2", "draining");
  await stage.go("#/config/overlay");
  const overlay = page.getByLabel("The overlay");
  await expect.poll(() => overlay.textContent()).toContain("draining");
  await expect.poll(() => page.getByLabel("Difference to the file").textContent()).toContain("Server 2");
  await page.getByRole("button", { name: "Take all back" }).click();
  const question = page.getByRole("group", { name: /Take all changes back/ });
  await question.getByRole("button", { name: /Take all back/ }).click();
  await page.getByText("The file alone decides again").waitFor();
  await page.getByText("The file says it all").waitFor();
  await page.getByRole("button", { name: "Undo: The file alone decides again" }).click();
  await page.getByText("Taken back: overlay.clear of overlay").waitFor();
  await expect.poll(() => overlay.textContent()).toContain("draining");
  await stage.go("#/config/audit");
  await page.getByText("overlay.replace").first().waitFor();
  await page.getByRole("button", { name: "Undo overlay.replace of overlay" }).first().click();
  await stage.go("#/pools");
  await stage.isSaid("Server 2", "enabled");
  await stage.requestsGoOn(10);
});

test("an app that sleeps by design looks like one, wherever it is shown", async () => {
  const { page } = stage;
  const asleep = "Asleep: the next request starts an instance";
  await stage.go("#/pools/elastic");
  const pool = page.getByRole("region", { name: "Pool elastic" });
  await pool.getByText(asleep).waitFor();
  expect(await pool.locator(".bad").count()).toBe(0);
  expect(await pool.textContent()).not.toContain("503");
  await stage.go("#/apps/elastic");
  await page.getByRole("region", { name: "App elastic" }).getByText(asleep).waitFor();
  await stage.go("#/");
  await page
    .getByRole("link", { name: /elastic.*asleep/ })
    .first()
    .waitFor();
});

test("the autoscaler's decisions are shown with their reasons", async () => {
  const { page } = stage;
  await stage.go("#/apps");
  await page.getByText("None yet: the load fits the instances.").waitFor();
  const status = await new Promise<number | undefined>((resolve, reject) => {
    get(`http://${stage.roundel.listener}/`, { headers: { host: "elastic.test" } }, (response) => {
      response.resume();
      resolve(response.statusCode);
    }).once("error", reject);
  });
  expect(status).toBe(200);
  const decisions = page.getByRole("region", { name: "Scaling decisions of elastic" });
  await decisions.getByText("1 request waits and no instance runs → 1").waitFor();
  expect(await decisions.textContent()).toContain("target: in flight 2, 0 to 3 instances");
  await stage.row("Elastic 1").getByText("ready", { exact: true }).waitFor();
});

test("the last lines of an instance are shown", async () => {
  await stage.go("#/apps");
  await stage.row("Server 1").getByRole("link", { name: "Server 1" }).click();
  const output = stage.page.getByLabel("Output of Server 1");
  await expect.poll(() => output.textContent()).toContain("I am Server 1");
});
