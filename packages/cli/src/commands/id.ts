import { identifyFile } from "@ctxpack/client/identify";
import { type Command, defineCommand } from "../command.ts";
import { CommandError } from "../exit.ts";

export const id: Command = defineCommand({
  usage: "id <contract> [--explain]",
  example: [
    "ctxpack id contract.yaml",
    "ctxpack id contract.yaml --explain | sha256sum   # the same digest",
  ],
  about:
    "Prints the URI of a contract. With --explain: exactly the bytes whose sha256 it is, the resolved\n" +
    "contract; on a terminal a newline follows them.",
  takes: [1, 1],
  flags: {
    explain: { type: "boolean", about: "print the canonical bytes instead of the URI" },
    profile: { type: "string", value: "v0", about: "the URI as the first prototype computed it" },
    "no-stat-cache": { type: "boolean", about: "read every file although its digest is known" },
  },
  async run({ args, flags, output, cwd, open, signal, onProgress }) {
    const contract = args[0] as string;
    if (flags.profile !== undefined) {
      if (flags.profile !== "v0") {
        throw new CommandError("CTXPACK_E_USAGE", `there is no profile "${flags.profile}"`, "v0");
      }
      if (flags.explain) {
        throw new CommandError("CTXPACK_E_USAGE", "--explain and --profile do not go together");
      }
      const uri = await (await open()).legacyUri(contract, { signal });
      output.result(uri, { uri, profile: "v0" });
      return undefined;
    }
    const statCache = !flags["no-stat-cache"];
    const options = { statCache, signal, onProgress };
    const { uri, bytes, resolved } =
      (await identifyFile(contract, { ...options, env: process.env, cwd })) ??
      (await (await open()).uri(contract, options));
    if (!flags.explain) output.result(uri, { uri });
    else if (output.options.json) output.result("", { uri, resolved });
    else {
      await output.bytes(bytes);
      if (output.terminal) await output.bytes(new Uint8Array([0x0a]));
    }
    return undefined;
  },
});
