import { defineConfig } from "tsup";
import base from "../../tsup.config.ts";

/** `remote` is the half that speaks HTTP: who reads a layout does not load it. */
export default defineConfig({
  ...base,
  entry: { index: "src/index.ts", remote: "src/remote/index.ts" },
});
