import { defineConfig } from "tsup";
import base from "../../tsup.config.ts";

/** `pure` is the part that runs without Node's modules. */
export default defineConfig({ ...base, entry: ["src/index.ts", "src/pure.ts"] });
