import { defineConfig } from "tsup";
import base from "../../tsup.config.ts";

/** `pure` is the part that runs without Node's modules; the worker is a file that `tree/workers.ts` starts. */
export default defineConfig({
  ...base,
  entry: {
    index: "src/index.ts",
    pure: "src/pure.ts",
    schema: "src/schema/index.ts",
    "ctxpack-tree-worker": "src/tree/worker.ts",
  },
});
