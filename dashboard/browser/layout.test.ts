// What can be read and reached at the sizes that people have: nothing is cut, hidden or a scroll away.

import { expect, test } from "vitest";
import { BINARY } from "./roundel";
import { Stage } from "./stage";

const stage = new Stage(`
[admin]
address = "127.0.0.1:0"

[[listener]]
name = "web"
address = "127.0.0.1:0"

[pool.web]
health_check = { path = "/health", interval = "3s", timeout = "3s", unhealthy_interval = "1s" }
endpoints = [{ name = "Nobody", address = "127.0.0.1:1" }]

[app.web]
command = ["${BINARY}", "demo-server", "{name}", "{port}"]
name = "Server {index}"
instances = 2
`);

/** Of those that `selector` finds: the text of each that has less room than it needs. */
function cut(selector: string): Promise<string[]> {
  return stage.page
    .locator(selector)
    .evaluateAll((found) =>
      found
        .filter((it) => it.scrollWidth > it.clientWidth || it.scrollHeight > it.clientHeight + 1)
        .map((it) => it.textContent ?? ""),
    );
}

/** Whether the middle of what is named is where a pointer reaches it. */
async function isInReach(row: string, button: string): Promise<boolean> {
  const target = stage.row(row).getByRole("button", { name: button });
  return target.evaluate((it) => {
    const { left, top, width, height } = it.getBoundingClientRect();
    const hit = document.elementFromPoint(left + width / 2, top + height / 2);
    return hit !== null && it.contains(hit);
  });
}

const SIZES = [
  { width: 1280, height: 860 },
  { width: 1920, height: 1080 },
  { width: 360, height: 740 },
];

test.each(SIZES)("why an endpoint is unhealthy and how fast others are can be read at %o", async (size) => {
  await stage.page.setViewportSize(size);
  await stage.go("#/pools");
  await stage.isSaid("Nobody", "unhealthy");
  await stage.requestsGoOn(20);
  const reason = stage.row("Nobody").getByText("connection refused");
  expect(await reason.isVisible()).toBe(true);
  await expect.poll(() => stage.row("Server 1").locator(".latency").textContent()).toContain("ms");
  expect(await cut(".endpoints .latency, .endpoints .note.bad")).toEqual([]);
});

test.each([
  { width: 1280, height: 860 },
  { width: 1440, height: 900 },
  { width: 1920, height: 1080 },
])("beside a drawer every row can be acted on at %o", async (size) => {
  await stage.page.setViewportSize(size);
  await stage.go("#/apps/web/Server%201");
  await stage.page.getByRole("complementary").waitFor();
  expect(await isInReach("Server 2", "Stop Server 2")).toBe(true);
  await stage.go("#/pools/web/Server%201");
  await stage.page.getByRole("complementary", { name: /^Endpoint/ }).waitFor();
  expect(await isInReach("Server 2", "Disable Server 2")).toBe(true);
});

test.each(SIZES)("the overview ends where its content does at %o", async (size) => {
  await stage.page.setViewportSize(size);
  await stage.go("#/");
  await stage.page.getByRole("heading", { name: "Recent changes" }).waitFor();
  const isToTheEnd = () =>
    stage.page.evaluate(() => {
      const end = (document.querySelector("main")?.getBoundingClientRect().bottom ?? 0) + scrollY;
      return document.documentElement.scrollHeight <= Math.max(Math.ceil(end), innerHeight);
    });
  await expect.poll(isToTheEnd).toBe(true);
});

test("the longer a request took, the longer its bar", async () => {
  await stage.go("#/requests");
  await stage.requestsGoOn(20);
  await stage.page.getByRole("button", { name: "Pause" }).click();
  const lines = await stage.page.locator(".requests .took").evaluateAll((found) =>
    found.map((it) => {
      const [, figure, unit] = /([\d.]+)\s*(ms|s)$/.exec(it.textContent ?? "") ?? [];
      const bar = it.querySelector(".time-bar")?.getBoundingClientRect().width ?? 0;
      return { ms: Number(figure) * (unit === "s" ? 1000 : 1), bar };
    }),
  );
  expect(lines.length).toBeGreaterThan(5);
  lines.sort((a, b) => a.ms - b.ms || a.bar - b.bar);
  const bars = lines.map((line) => Math.round(line.bar));
  expect(bars).toEqual([...bars].sort((a, b) => a - b));
});
