import { defineConfig } from "tsup";
import base from "../../tsup.config.ts";

/** `pack` is the format alone: streams and bytes, no disk. The workers are files that `store/threads` starts. */
export default defineConfig([
  {
    ...base,
    entry: {
      index: "src/index.ts",
      "pack/index": "src/pack/index.ts",
      "ctxpack-seed-worker": "src/store/threads/seed-entry.ts",
    },
  },
  {
    ...base,
    clean: false,
    entry: { "ctxpack-store-worker": "src/store/threads/worker.ts" },
    // A thread that loads one small file starts in half the time.
    noExternal: [/^@ctxpack\//],
    esbuildOptions(options) {
      options.conditions = ["@ctxpack/source"];
    },
  },
]);
