import { defineConfig } from "tsup";
import base from "../../tsup.config.ts";

/**
 * One CommonJS file, for that starts quickest: what no command needs is not even parsed, each command is evaluated
 * when it is called, and Node's modules are loaded with who uses them. The library stays outside, but for the part
 * that answers a pull from the store.
 */
export default defineConfig({
  ...base,
  entry: { ctxpack: "src/index.ts" },
  format: "cjs",
  shims: true,
  noExternal: [/^@ctxpack\/(?!client$)/],
  external: ["@ctxpack/client"],
  esbuildOptions(options) {
    options.conditions = ["@ctxpack/source"];
    // Names stay, for the sake of stack traces.
    options.minifyWhitespace = true;
  },
});
