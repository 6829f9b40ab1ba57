// The tests of the page with the real binary behind it, in Debian's Chromium.

import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["browser/**/*.test.ts"],
    environment: "node",
    // One after the other: each has servers and a browser of its own.
    fileParallelism: false,
    // Deadlines for machines that do much else; what waits ends as soon as it can.
    testTimeout: 180_000,
    hookTimeout: 120_000,
    expect: { poll: { timeout: 60_000, interval: 100 } },
  },
});
