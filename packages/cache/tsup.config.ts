import { defineConfig } from "tsup";
import base from "../../tsup.config.ts";

/** `pack` is the format alone: streams and bytes, no disk. */
export default defineConfig({ ...base, entry: ["src/index.ts", "src/pack/index.ts"] });
