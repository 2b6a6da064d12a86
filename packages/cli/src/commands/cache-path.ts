import { type Command, defineCommand } from "../command.ts";

export const cachePath: Command = defineCommand({
  usage: "cache path",
  example: ["ctxpack cache path"],
  about:
    "Prints where the store lies: CTXPACK_CACHE_DIR, the configuration's cacheDir, or the cache folder.",
  takes: [0, 0],
  flags: {},
  async run({ output, open }) {
    const { cacheDir } = await open();
    output.result(cacheDir, { path: cacheDir });
    return undefined;
  },
});
