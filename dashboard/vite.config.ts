// How the dashboard is built: one page, hashed names, and a packed copy beside each file.
//
// Everything the page needs is in its own files, so that the browser can be told to load and run
// nothing else; nothing is inlined into the page, which its content policy would refuse.

import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import { defineConfig, type Plugin } from "vite";

/** Below this a packed copy saves less than its header fields cost. */
const PACK_BYTES_MIN = 512;

/** Writes `NAME.br` and `NAME.gz` beside each file, so that serving packs nothing. */
function packed(): Plugin {
  let out = "";
  return {
    name: "packed",
    apply: "build",
    configResolved(config) {
      out = join(config.root, config.build.outDir);
      if (config.build.outDir.startsWith("/")) out = config.build.outDir;
    },
    closeBundle() {
      for (const name of readdirSync(out, { recursive: true, encoding: "utf8" })) {
        const path = join(out, name);
        if (!statSync(path).isFile() || /\.(br|gz)$/.test(name)) continue;
        const bytes = readFileSync(path);
        if (bytes.length < PACK_BYTES_MIN) continue;
        const quality = { [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY };
        writeFileSync(`${path}.br`, brotliCompressSync(bytes, { params: quality }));
        writeFileSync(`${path}.gz`, gzipSync(bytes, { level: 9 }));
      }
    },
  };
}

export default defineConfig({
  plugins: [packed()],
  build: {
    target: "es2022",
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    chunkSizeWarningLimit: 400,
  },
});
