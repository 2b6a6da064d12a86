import { defineConfig } from "tsup";
import base from "../../tsup.config.ts";

/** The worker is a file that `hash/threads.ts` starts. */
export default defineConfig({
  ...base,
  entry: {
    index: "src/index.ts",
    statement: "src/statement/index.ts",
    "ctxpack-hash-worker": "src/hash/worker.ts",
  },
});
