// `npm run dev`: the page with a simulated Roundel behind it, for work on the page alone.
//
// `SCENARIO=large` has a thousand endpoints, `SCENARIO=quiet` no traffic and nothing to show.

import { readFileSync } from "node:fs";
import { defineConfig } from "vite";
import { simulated } from "./mock/plugin";
import base from "./vite.config";

const icon = readFileSync(new URL("../crates/roundel-admin/src/page/icon.svg", import.meta.url), "utf8");

export default defineConfig({
  ...base,
  plugins: [...(base.plugins ?? []), simulated(process.env.SCENARIO ?? "demo", icon)],
});
