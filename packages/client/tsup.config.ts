import { defineConfig } from "tsup";
import base from "../../tsup.config.ts";

/**
 * `hit` is the pull that finds everything in the store, `list` the packs of the store, `identify` the URI of a contract
 * file: small enough to be part of a program's start. `proof` is what envelopes of files need, and no store;
 * `report` the page that a report becomes.
 */
export default defineConfig({
  ...base,
  entry: {
    index: "src/index.ts",
    hit: "src/hit.ts",
    identify: "src/identify-file.ts",
    list: "src/list-stored.ts",
    proof: "src/proof/index.ts",
    report: "src/report/page/page.ts",
  },
});
