// Takes the pictures of the documentation; see `browser/screenshots.ts`.

import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["browser/screenshots.ts"],
    environment: "node",
    testTimeout: 300_000,
    hookTimeout: 120_000,
  },
});
