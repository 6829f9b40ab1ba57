// The tests of the page's pure logic: no browser, no server.

import { defineConfig } from "vitest/config";

export default defineConfig({
  test: { include: ["src/**/*.test.ts", "mock/**/*.test.ts"], environment: "node" },
});
