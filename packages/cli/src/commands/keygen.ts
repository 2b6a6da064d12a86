import { type Command, defineCommand } from "../command.ts";
import { CommandError } from "../exit.ts";

const ALGORITHMS = { "ecdsa-p256": "ecdsa-p256", ed25519: "ed25519" } as const;

export const keygen: Command = defineCommand({
  usage: "keygen --out FILE [--algorithm ed25519]",
  example: ["ctxpack keygen --out release.pem"],
  about:
    "Makes a key to sign with: FILE for you alone (mode 0600), its public half beside it with .pub for those who\n" +
    "verify, and prints the fingerprint that policies know it by. CTXPACK_KEY_PASSPHRASE, when set, encrypts FILE.\n" +
    "Nothing is ever overwritten.",
  takes: [0, 0],
  flags: {
    out: { type: "string", value: "FILE", about: "where the private key goes: release.pem" },
    algorithm: {
      type: "string",
      value: "NAME",
      about: "ecdsa-p256 (the default; transparency logs take it) or ed25519",
    },
  },
  async run({ flags, output, cwd, signal }) {
    if (flags.out === undefined) {
      throw new CommandError(
        "CTXPACK_E_USAGE",
        "where the key goes is not said",
        "give --out FILE",
      );
    }
    const { algorithm = "ecdsa-p256", out } = flags;
    if (!Object.hasOwn(ALGORITHMS, algorithm)) {
      const hint = `write --algorithm ${Object.keys(ALGORITHMS).join(" or ")}`;
      throw new CommandError("CTXPACK_E_USAGE", `--algorithm is "${algorithm}"`, hint);
    }
    const { makeKeyFiles } = await import("@ctxpack/client/proof");
    const passphrase = process.env["CTXPACK_KEY_PASSPHRASE"] || undefined;
    const made = await makeKeyFiles(out, {
      cwd,
      algorithm: algorithm as keyof typeof ALGORITHMS,
      passphrase,
      signal,
    });
    const how = passphrase === undefined ? "not encrypted" : "encrypted";
    output.note(`${made.privateKey} (keep it; ${how}) and ${made.publicKey} (give it away)`);
    output.result(made.keyId, { ...made, algorithm, encrypted: passphrase !== undefined });
    return undefined;
  },
});
