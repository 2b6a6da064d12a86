import { defineConfig } from "tsup";
import base from "../../tsup.config.ts";

/** Commands are loaded on demand, so that `--version` does not pay for `pull`. */
export default defineConfig({ ...base, splitting: true });
