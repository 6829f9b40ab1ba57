// The tests of the page's pure logic and of what is made for it: no browser, no server.

import { defineConfig } from "vitest/config";

export default defineConfig({
  test: { include: ["src/**/*.test.ts", "mock/**/*.test.ts", "tools/**/*.test.ts"], environment: "node" },
});
