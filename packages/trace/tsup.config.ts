import { defineConfig } from "tsup";
import base from "../../tsup.config.ts";

/** `page` is the shell of our pages, for those that are not about a run. */
export default defineConfig({
  ...base,
  entry: { index: "src/index.ts", page: "src/page/index.ts" },
});
