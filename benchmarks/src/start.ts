import { join } from "node:path";
import { ctxpack, ctxpackCommand } from "./programs.ts";
import type { Question } from "./question.ts";
import { writeContract } from "./seed.ts";

/** What starting the command costs, and a hit in the store, as whole processes. */
export const start: Question = {
  name: "start",
  about: "`ctxpack --version`, `ctxpack id` and a warm `ctxpack pull` against `node -e 0`",
  *rounds(bench) {
    const store = join(bench.scratch, "store");
    const contract = writeContract(bench, "start");
    const uri = ctxpack(["seed", bench.corpus("texts").dir, "--contract", contract], store);
    // The first pull materialises the pack; those that are measured find it.
    ctxpack(["pull", uri], store);
    const env = () => ({ CTXPACK_CACHE_DIR: store });
    yield {
      title: "Start-up and a hit in the store",
      contenders: [
        { name: "`node -e 0`", argv: () => [process.execPath, "-e", "0"] },
        { name: "`ctxpack --version`", argv: () => [...ctxpackCommand(), "--version"] },
        {
          name: "`ctxpack id` (no inputs)",
          argv: () => [...ctxpackCommand(), "id", contract],
          env,
        },
        { name: "`ctxpack pull`, warm", argv: () => [...ctxpackCommand(), "pull", uri], env },
      ],
    };
  },
};
