// What is to be seen of a server that takes requests and answers none, until it answers again.

import { once } from "node:events";
import { createServer, get, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, expect, test } from "vitest";
import { Stage } from "./stage";

let isHanging = false;
const held: ServerResponse[] = [];

const servers = ["Hanging", "Well"].map((name) =>
  createServer((_, response) => {
    if (isHanging && name === "Hanging") held.push(response);
    else response.end(name);
  }).listen(0, "127.0.0.1"),
);
await Promise.all(servers.map((server) => once(server, "listening")));
const [hanging, well] = servers.map((server) => (server.address() as AddressInfo).port);

function goOn(): void {
  isHanging = false;
  for (const response of held.splice(0)) response.end("late");
}

// One worker, as two of its requests have to wait.
const stage = new Stage(`
workers = 1

[admin]
address = "127.0.0.1:0"

[[listener]]
name = "web"
address = "127.0.0.1:0"

[pool.web]
health_check = { enabled = false }
endpoints = [
  { name = "Hanging", address = "127.0.0.1:${hanging}" },
  { name = "Well", address = "127.0.0.1:${well}" },
]
`);

/** A request now and then, whether or not those before it are answered, as of people. */
const visitors = setInterval(() => {
  if (stage.roundel) get(`http://${stage.roundel.listener}/`, (response) => response.resume());
}, 25);

afterAll(() => {
  clearInterval(visitors);
  goOn();
  for (const server of servers) server.close();
});

test("a silent endpoint is named so with what to do about it, until it is heard", async () => {
  const { page } = stage;
  await stage.go("#/pools/web/Hanging");
  await stage.requestsGoOn(20);
  isHanging = true;
  const mark = stage.row("Hanging").locator(".mark", { hasText: "silent" });
  await mark.waitFor();
  expect(await mark.getAttribute("title")).toContain("drain the endpoint");
  const details = page.getByRole("complementary");
  await details.getByText("as the last choice").waitFor();
  await details.getByText("drain the endpoint").waitFor();
  await stage.go("#/");
  const node = page.getByRole("link", { name: /^Hanging.*silent/ });
  await node.first().waitFor();
  goOn();
  await node.first().waitFor({ state: "detached" });
  await stage.requestsGoOn(20);
});
