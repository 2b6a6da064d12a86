import { defineConfig } from "tsup";

/** Every package builds the same way; `tsc` writes the declarations. */
export default defineConfig({
  entry: ["src/index.ts"],
  format: "esm",
  target: "node24",
  clean: true,
  sourcemap: true,
  silent: true,
  // `node:sqlite` has no name without the prefix.
  removeNodeProtocol: false,
});
