import { writeFile } from "node:fs/promises";
import { resolve } from "node:path";
import { type Command, defineCommand } from "../command.ts";
import { CommandError } from "../exit.ts";

const contract = (
  schema: string,
): string => `# What decides the output. Its URI: ctxpack id contract.yaml
$schema: ${schema}
name: my-index                     # a label, no part of the URI
inputs:
  - {name: docs, path: ./docs}     # every byte and every name below counts
transforms:
  - tool: my-pipeline
    tool_version: "1"
    # model: text-embedding-3-large
    # code: ["src/**/*.py"]        # hashed for you
    params: {chunk_size: 512}
outputs:
  - {path: ./index}                # where, not what: no part of the URI
`;

export const init: Command = defineCommand({
  usage: "init [<file>] [--force]",
  example: ["ctxpack init", "ctxpack id contract.yaml"],
  about: "Writes a contract to start from, contract.yaml unless told otherwise.",
  takes: [0, 1],
  flags: { force: { type: "boolean", about: "write over a file that is there" } },
  async run({ args, flags, output, cwd }) {
    const file = args[0] ?? "contract.yaml";
    if (!/\.ya?ml$/.test(file)) {
      throw new CommandError("CTXPACK_E_USAGE", `${file} does not end in .yaml`);
    }
    const { CONTRACT_SCHEMA_URI } = await import("@ctxpack/client");
    try {
      await writeFile(resolve(cwd, file), contract(CONTRACT_SCHEMA_URI), {
        flag: flags.force ? "w" : "wx",
      });
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === "ENOENT") {
        throw new CommandError("CTXPACK_E_PATH_NOT_FOUND", `there is no folder for ${file}`);
      }
      if (code !== "EEXIST") throw error;
      throw new CommandError(
        "CTXPACK_E_USAGE",
        `${file} is there already`,
        "--force writes over it",
      );
    }
    output.note("next: name your inputs and tool in it, then run: ctxpack id contract.yaml");
    output.result(file, { file });
    return undefined;
  },
});
