import { identityToken } from "@ctxpack/test-tools";
import { result } from "../run.ts";
import { type Json, resigned, statementOf } from "./attacker.ts";
import { type Scene, type Target, victimOf } from "./scene.ts";
import type { Threat } from "./threat.ts";

/** The proof with another part of what is verified with it. */
async function remade(
  { attacker }: Scene,
  { bundle, descriptor }: Target,
  change: (material: Json) => void,
): Promise<void> {
  const forged = structuredClone(bundle);
  change(forged.verificationMaterial);
  await attacker.attachOnly(descriptor, forged);
}

/** The base64 with another bit in its last third. */
function bent(base64: string): string {
  const bytes = Buffer.from(base64, "base64");
  const at = bytes.length - 8;
  bytes[at] = (bytes[at] as number) ^ 1;
  return bytes.toString("base64");
}

/** Against a policy that believes an identity, whose signatures are timestamped and in a log. */
export const KEYLESS_THREATS: readonly Threat[] = [
  {
    row: "signed by somebody else with a good certificate",
    attack: async ({ pantry, attacker, team }, { uri, descriptor }) => {
      const before = await attacker.listed(descriptor.digest);
      const eve = victimOf(pantry);
      const san = "https://github.com/acme/packs-evil/.github/workflows/pack.yml@refs/heads/main";
      const env = { ...eve.env, SIGSTORE_ID_TOKEN: identityToken({ san }) };
      await result(["pull", uri, "--from", pantry], eve);
      const config = `${team.cwd}/signing.json`;
      const attest = ["attest", uri, "--keyless", "--signing-config", config, "--to", pantry];
      await result(attest, { cwd: eve.cwd, env });
      const after = await attacker.listed(descriptor.digest);
      const known = new Set(before.map(({ digest }) => digest));
      const added = after.filter(({ digest }) => !known.has(digest));
      await attacker.list(descriptor.digest, added);
    },
    code: "CTXPACK_E_PROOF_SIGNER",
    message: /packs-evil/,
  },
  {
    row: "a key of the attacker's where a certificate belongs",
    attack: async ({ attacker, team }, { bundle, descriptor }) => {
      const key = team.keys["stranger"];
      if (key === undefined) throw new Error("no key");
      const bare = resigned(bundle, key, statementOf(bundle));
      const { tlogEntries, timestampVerificationData } = bundle.verificationMaterial;
      Object.assign(bare.verificationMaterial, { tlogEntries, timestampVerificationData });
      await attacker.attachOnly(descriptor, bare);
    },
    code: "CTXPACK_E_PROOF_KEY",
    message: /SHA256:/,
  },
  {
    row: "a log's promise that the log did not give",
    attack: (scene, target) =>
      remade(scene, target, ({ tlogEntries: [entry] }) => {
        const { inclusionPromise } = entry;
        inclusionPromise.signedEntryTimestamp = bent(inclusionPromise.signedEntryTimestamp);
      }),
    code: "CTXPACK_E_PROOF_LOG",
    message: /inclusion promise could not be verified/,
  },
  {
    row: "the log entry of another pack",
    attack: (scene, target) =>
      remade(scene, target, (material) => {
        material.tlogEntries = scene.targets[1]?.bundle.verificationMaterial.tlogEntries;
      }),
    code: "CTXPACK_E_PROOF_LOG",
    message: /log/,
  },
  {
    row: "no log entry where the rule asks for one",
    attack: (scene, target) =>
      remade(scene, target, (material) => {
        material.tlogEntries = [];
      }),
    code: "CTXPACK_E_PROOF_LOG",
    message: /log/,
  },
  {
    row: "the timestamp of another pack",
    attack: (scene, target) =>
      remade(scene, target, (material) => {
        const other = scene.targets[1]?.bundle.verificationMaterial;
        material.timestampVerificationData = other.timestampVerificationData;
      }),
    code: "CTXPACK_E_PROOF_TIMESTAMP",
    message: /timestamp/,
  },
];
