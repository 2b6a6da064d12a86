import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "vitest";
import { result, run } from "../run.ts";
import { Attacker, digestOf, resigned, statementOf } from "./attacker.ts";
import {
  expectNoHit,
  expectNothing,
  poison,
  restage,
  storedIn,
  type Target,
  tagOf,
  teamPolicy,
  type Victim,
  victimOf,
} from "./scene.ts";
import { accepted, pushOutput, refused, type Story } from "./story.ts";

function salted(text: string): (cwd: string) => void {
  return (cwd) => writeFileSync(join(cwd, "salt"), text);
}

/** Without a pantry. */
function alone({ env }: Victim): Victim["env"] {
  return { ...env, CTXPACK_REGISTRY: "" };
}

function sha256Of(text: string): string {
  return digestOf(Buffer.from(text)).slice("sha256:".length);
}

/** What the victim remembers, pins and believes. */
export const MEMORY_STORIES: readonly Story[] = [
  {
    row: "an older pack of the same signer put back",
    code: "CTXPACK_E_PROOF_ROLLBACK",
    async play({ pantry, byIdentity, believesIdentity }) {
      const attacker = new Attacker(pantry);
      const uri = await pushOutput(pantry, salted("older"), byIdentity);
      const older = await attacker.manifest(tagOf(uri));
      // Timestamps count seconds.
      await sleep(1100);
      await pushOutput(pantry, salted("newer"), byIdentity);
      const victim = victimOf(pantry, believesIdentity);
      await accepted(["pull", uri], victim);
      await accepted(["rm", uri], victim);
      await attacker.putManifest(older, tagOf(uri));
      await refused(["pull", uri], victim, [this.code, /was accepted before/]);
      await refused(["run", "--contract", "c.json"], victim, [this.code, /was accepted before/]);
      await expectNoHit(victim, uri);
      // A tree that was removed stays for a while: it is that of the newer one.
      const files = storedIn(victim, "trees").filter((path) => path.endsWith("out.txt"));
      const texts = files.map((path) =>
        readFileSync(join(victim.cwd, "store/trees", path), "utf8"),
      );
      expect(texts).toEqual(["newer"]);
      // Who has not seen the newer one cannot know.
      await accepted(["pull", uri], victimOf(pantry, believesIdentity));
    },
  },
  {
    row: "a channel moved back to an older pack of the same signer",
    code: "CTXPACK_E_PROOF_ROLLBACK",
    async play({ pantry, keys, byIdentity, believesIdentity }) {
      const attacker = new Attacker(pantry);
      const version = (text: string) => (cwd: string) => {
        const file = join(cwd, "c.json");
        const contract = JSON.parse(readFileSync(file, "utf8"));
        contract.transforms[0].tool_version = text;
        writeFileSync(file, JSON.stringify(contract));
        salted(text)(cwd);
      };
      const older = await pushOutput(pantry, version("1.0"), byIdentity);
      // Timestamps count seconds.
      await sleep(1100);
      const newer = await pushOutput(pantry, version("2.0"), byIdentity);
      const channel = `${pantry}:stable`;
      await result(["tag", newer, "stable", "--to", pantry], keys.team);
      const victim = victimOf(pantry, believesIdentity);
      const knowing = victimOf(pantry, believesIdentity);
      await accepted(["pull", channel], victim);
      // Each is a good pack by itself, and this one has it.
      await accepted(["pull", older], knowing);
      await accepted(["pull", channel], knowing);
      await attacker.putManifest(await attacker.manifest(tagOf(older)), "stable");
      const why = /was accepted before under .*:stable/;
      await refused(["pull", channel], victim, [this.code, why]);
      await refused(["verify", channel], victim, [this.code, why]);
      await refused(["pull", channel], knowing, [this.code, why]);
      const read = await run(["cat", channel, "out.txt"], knowing);
      expect({ code: read.code, stdout: read.stdout }, read.stderr).toEqual({
        code: 6,
        stdout: "",
      });
      expect(read.stderr).toMatch(why);
      expect((await run(["exists", older], { ...victim, env: alone(victim) })).code).toBe(3);
    },
  },
  {
    row: "another signed output in place of the pinned one",
    code: "CTXPACK_E_PROOF_PIN",
    async play({ pantry, keys, byKey }) {
      const victim = victimOf(pantry, teamPolicy(keys.team));
      const uri = await pushOutput(pantry, salted("one"), byKey);
      const verify = ["verify", uri, "--from", pantry, "--lock", "ctxpack.lock"];
      await accepted([...verify, "--pin"], victim);
      await accepted(verify, victim);
      await pushOutput(pantry, salted("another"), byKey);
      const why = /is not what .*ctxpack\.lock pins/;
      await refused(verify, victim, [this.code, why]);
      const config = JSON.stringify({ lock: "ctxpack.lock" });
      writeFileSync(join(victim.cwd, "ctxpack.config.json"), config);
      await refused(["verify", uri, "--from", pantry], victim, [this.code, why]);
      await refused(["pull", uri], victim, [this.code, why]);
      await refused(["run", "--contract", "c.json"], victim, [this.code, why]);
      await expectNothing(victim, uri);
    },
  },
  {
    row: "a signed output that is known to be bad",
    code: "CTXPACK_E_PROOF_REVOKED",
    async play({ pantry, keys, byKey }) {
      const attacker = new Attacker(pantry);
      const uri = await pushOutput(pantry, salted("bad"), byKey);
      const bad = (await attacker.manifest(tagOf(uri))) as Uint8Array;
      const digest = digestOf(bad);
      await pushOutput(pantry, salted("good"), byKey);
      const revoked = [{ digest, reason: "made with a poisoned model" }];
      const policy = { ...teamPolicy(keys.team), revoked };
      await accepted(["pull", uri], victimOf(pantry, policy));
      await attacker.putManifest(bad, tagOf(uri));
      const victim = victimOf(pantry, policy);
      await refused(["pull", uri], victim, [this.code, /made with a poisoned model/]);
      await expectNothing(victim, uri);
    },
  },
  {
    row: "the trust root edited",
    code: "CTXPACK_E_PROOF_TRUST_ROOT",
    async play({ pantry, keyless, services }) {
      const { targets } = await restage(keyless, pantry);
      const uri = targets[0]?.uri as string;
      const { tuf } = services.urls;
      const sha256 = sha256Of(services.tufRoot);
      const signer = {
        identityPattern: ".*",
        issuer: "https://token.actions.githubusercontent.com",
      };
      const policy = (trustRoot: object) => ({
        schema: "ctxpack.policy/v1",
        trustRoots: { own: trustRoot },
        signers: { ci: { ...signer, trustRoot: "own" } },
        rules: [{ require: [{ signers: ["ci"] }] }],
      });
      // Of a policy's file:
      const file = sha256Of(services.trustedRoot);
      const victim = victimOf(pantry, policy({ file: "trusted.json", sha256: file }));
      const edited = { ...JSON.parse(services.trustedRoot), tlogs: [] };
      writeFileSync(join(victim.cwd, "trusted.json"), JSON.stringify(edited));
      await refused(["pull", uri], victim, [this.code, /trusted\.json/]);
      await expectNothing(victim, uri);
      writeFileSync(join(victim.cwd, "trusted.json"), services.trustedRoot);
      await accepted(["pull", uri], victim);
      // What was cached of a TUF repository:
      const cached = victimOf(pantry, policy({ tuf, root: "root.json", sha256 }));
      writeFileSync(join(cached.cwd, "root.json"), services.tufRoot);
      const trust = join(cached.cwd, "trust");
      const env = { ...cached.env, CTXPACK_TRUST_DIR: trust };
      const there = { cwd: cached.cwd, env };
      await accepted(["pull", uri], there);
      await accepted(["verify", uri, "--offline"], there);
      let edits = 0;
      for (const name of readdirSync(trust, { recursive: true, withFileTypes: true })) {
        const path = join(name.parentPath, name.name);
        if (!name.isFile()) continue;
        const text = readFileSync(path, "utf8");
        if (!text.includes('"tlogs"')) continue;
        writeFileSync(path, JSON.stringify(edited));
        edits++;
      }
      expect(edits).toBeGreaterThan(0);
      await refused(["verify", uri, "--offline"], there, [this.code, /trust root|trusted_root/]);
      await accepted(["verify", uri], there);
    },
  },
  {
    row: "a policy that believes the attacker given beside the user's",
    code: "CTXPACK_E_PROOF_SIGNER",
    async play({ pantry, keys }) {
      const scene = await restage(keys, pantry);
      const target = scene.targets[0] as Target;
      const { stranger } = keys.team.keys;
      if (stranger === undefined) throw new Error("no key");
      const forged = await poison(scene, target);
      const statement = statementOf(target.bundle);
      statement.subject[0].digest.sha256 = forged.digest.slice("sha256:".length);
      await scene.attacker.attachOnly(forged, resigned(target.bundle, stranger, statement));
      const victim = victimOf(pantry, teamPolicy(keys.team));
      const evil = {
        schema: "ctxpack.policy/v1",
        signers: { eve: { publicKey: stranger.publicKey } },
        rules: [{ require: [{ signers: ["eve"] }] }],
      };
      writeFileSync(join(victim.cwd, "evil.json"), JSON.stringify(evil));
      const given = ["pull", target.uri, "--policy", "evil.json"];
      await refused(given, victim, [this.code, /SHA256:/]);
      writeFileSync(
        join(victim.cwd, "ctxpack.config.json"),
        JSON.stringify({ policy: "evil.json" }),
      );
      await refused(["pull", target.uri], victim, [this.code, /SHA256:/]);
      await refused(["run", "--contract", "c.json"], victim, [this.code, /SHA256:/]);
      await expectNothing(victim, target.uri);
    },
  },
];
