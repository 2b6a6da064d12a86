import { once } from "node:events";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { startFaultRegistry } from "@ctxpack/test-tools";
import { expect } from "vitest";
import { result, run } from "../run.ts";
import { Attacker, digestOf, type Json, statementOf } from "./attacker.ts";
import {
  ending,
  expectNothing,
  mapLine,
  poison,
  project,
  restage,
  type Target,
  TEAM,
  tagOf,
  teamPolicy,
  victimOf,
} from "./scene.ts";
import { accepted, refused, type Story } from "./story.ts";

/** How often something was computed in a folder. */
function ran(cwd: string): number {
  const file = join(cwd, "ran");
  return existsSync(file) ? readFileSync(file, "utf8").split("\n").length - 1 : 0;
}

/** A registry's address whose first answer about a tag is followed by `then`. */
async function turncoat(origin: string, tag: string, then: () => Promise<unknown>) {
  let asked = 0;
  const server = createServer(async (request, response) => {
    const { accept = "*/*" } = request.headers;
    const init = { method: request.method ?? "GET", headers: { accept } };
    const answer = await fetch(`${origin}${request.url}`, init);
    const bytes = Buffer.from(await answer.arrayBuffer());
    if (request.url?.endsWith(`/manifests/${tag}`) && ++asked === 1) await then();
    const headers = new Headers(answer.headers);
    response.writeHead(answer.status, Object.fromEntries(headers)).end(bytes);
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { host, asked: () => asked, close: () => server.close() };
}

/** Tags, pantries and what is reused of them. */
export const PANTRY_STORIES: readonly Story[] = [
  {
    row: "the pack's tag moved to another signed pack",
    code: "CTXPACK_E_PACK",
    async play({ pantry, keys }) {
      const { attacker, targets } = await restage(keys, pantry);
      const [target, other] = targets as [Target, Target];
      await attacker.putManifest(await attacker.manifest(other.tag), target.tag);
      const victim = victimOf(pantry, teamPolicy(keys.team));
      const end = await ending(["pull", target.uri, "--from", pantry], victim);
      expect({ exit: end.exit, code: end.code }, end.stderr).toEqual({ exit: 5, code: this.code });
      await expectNothing(victim, target.uri);
      // A pantry that is wrong is passed over: what it says is no hit.
      await accepted(["run", "--contract", "c.json"], victim);
      expect(ran(victim.cwd)).toBe(1);
    },
  },
  {
    row: "the tag moved after it was looked at",
    code: "",
    async play({ pantry, keys, registry }) {
      const scene = await restage(keys, pantry);
      const target = scene.targets[0] as Target;
      const proxy = await turncoat(registry.origin, target.tag, () => poison(scene, target));
      try {
        const victim = victimOf(pantry.replace(registry.host, proxy.host), teamPolicy(keys.team));
        await accepted(["pull", target.uri, "--to", "got"], victim);
        expect(readFileSync(join(victim.cwd, "got/out.txt"), "utf8")).toBe("result\n");
      } finally {
        proxy.close();
      }
      const late = victimOf(pantry, teamPolicy(keys.team));
      await refused(["pull", target.uri], late, ["CTXPACK_E_PROOF_MISSING", /nobody vouches/]);
    },
  },
  {
    row: "a channel moved to a pack that nobody signed",
    code: "CTXPACK_E_PROOF_MISSING",
    async play({ pantry, keys }) {
      const scene = await restage(keys, pantry);
      const target = scene.targets[0] as Target;
      await result(["tag", target.uri, "nightly", "--to", pantry], keys.team);
      const channel = ["pull", `${pantry}:nightly`];
      await accepted(channel, victimOf(pantry, teamPolicy(keys.team)));
      await poison(scene, { ...target, tag: "nightly" });
      const victim = victimOf(pantry, teamPolicy(keys.team));
      await refused(channel, victim, [this.code, /nobody vouches/]);
      await expectNothing(victim, target.uri);
    },
  },
  {
    row: "results of a pantry that nobody said to trust",
    code: "",
    async play({ pantry, keys }) {
      const scene = await restage(keys, pantry);
      const target = scene.targets[0] as Target;
      const compute = ["run", "--contract", "c.json"];
      const careful = victimOf(pantry);
      await accepted(compute, careful);
      expect(ran(careful.cwd)).toBe(1);
      // Only if its user said so, and then no policy is loosened.
      for (const policy of [undefined, teamPolicy(keys.team)]) {
        const { cwd, env } = victimOf(pantry, policy);
        const { CTXPACK_REGISTRY: _, ...there } = env;
        const victim = { cwd, env: there };
        await accepted(["remote", "add", "open", pantry, "--trust", "unsigned"], victim);
        if (policy === undefined) {
          await accepted(compute, victim);
          expect(ran(cwd)).toBe(0);
          continue;
        }
        await poison(scene, target);
        await refused(compute, victim, ["CTXPACK_E_PROOF_MISSING", /nobody vouches/]);
        await expectNothing(victim, target.uri);
      }
    },
  },
  {
    row: "a pack that nobody signed under the family's tag of a map",
    code: "CTXPACK_E_PROOF_MISSING",
    async play({ pantry, keys }) {
      const attacker = new Attacker(pantry);
      const team = { cwd: project(), env: { CTXPACK_REGISTRY: pantry } };
      const uri = await result(mapLine("--push"), team);
      const key = join(keys.team.cwd, `${TEAM}.pem`);
      await result(["attest", uri, "--key", key, "--to", pantry], team);
      const more = () => {
        const victim = victimOf(pantry, teamPolicy(keys.team));
        writeFileSync(join(victim.cwd, "docs/c.txt"), "c\n");
        return victim;
      };
      const honest = more();
      await accepted(mapLine(), honest);
      expect(ran(honest.cwd)).toBe(1);
      const tag = (await attacker.tags()).find((one) => one.startsWith("map-"));
      if (tag === undefined) throw new Error("no family");
      await poison({ attacker }, { manifest: await attacker.manifestJson(tag), tag });
      const victim = more();
      await refused(mapLine(), victim, [this.code, /nobody vouches/]);
      await expectNothing(victim, uri);
      await accepted(mapLine("--on-untrusted", "miss"), victim);
      expect(ran(victim.cwd)).toBe(3);
    },
  },
  {
    row: "a map of the team's that reuses results which nobody vouches for",
    code: "CTXPACK_E_PROOF_DEPENDENCY",
    async play({ pantry, keys }) {
      const attacker = new Attacker(pantry);
      const intern = { cwd: project(), env: { CTXPACK_REGISTRY: pantry } };
      const theirs = await result(mapLine("--push"), intern);
      const team = { cwd: project(), env: {} };
      writeFileSync(join(team.cwd, "docs/c.txt"), "c\n");
      await accepted(["remote", "add", "open", pantry, "--trust", "unsigned"], team);
      const uri = await result(mapLine("--push"), team);
      expect(ran(team.cwd)).toBe(1);
      const key = join(keys.team.cwd, `${TEAM}.pem`);
      await result(["attest", uri, "--key", key, "--to", pantry], team);
      const signed = digestOf((await attacker.manifest(tagOf(uri))) as Uint8Array);
      const { predicate } = statementOf(await attacker.bundle(signed));
      const uses: Json[] = predicate.buildDefinition.resolvedDependencies;
      expect(uses.map((one) => one.uri)).toContain(theirs);

      const believes = (dependencies: string) => ({
        schema: "ctxpack.policy/v1",
        signers: { team: { publicKey: keys.team.keys[TEAM]?.publicKey } },
        rules: [{ require: [{ signers: ["team"] }], dependencies }],
      });
      await accepted(["pull", uri], victimOf(pantry, believes("digest")));
      const victim = victimOf(pantry, believes("verify"));
      await refused(["pull", uri], victim, [this.code, new RegExp(`made from ${theirs}`)]);
      await expectNothing(victim, uri);
      await result(["pull", theirs, "--from", pantry], team);
      await result(["attest", theirs, "--key", key, "--to", pantry], team);
      await accepted(["pull", uri], victim);
    },
  },
  {
    row: "credentials asked for elsewhere by a redirect",
    code: "",
    async play({ keys }) {
      await using registry = await startFaultRegistry({ auth: "basic", redirectBlobs: true });
      const pantry = `${registry.host}/acme/packs`;
      const loggedIn = (cwd: string) => {
        mkdirSync(join(cwd, ".docker"));
        const auth = Buffer.from("alice:s3cret").toString("base64");
        const auths = { [registry.host]: { auth } };
        writeFileSync(join(cwd, ".docker/config.json"), JSON.stringify({ auths }));
      };
      const team = { cwd: project(), env: {} };
      loggedIn(team.cwd);
      const uri = await result(["run", "--contract", "c.json"], team);
      const key = join(keys.team.cwd, `${TEAM}.pem`);
      await result(["push", uri, "--to", pantry, "--attest", "--key", key], team);
      const victim = victimOf(pantry, teamPolicy(keys.team));
      expect((await run(["pull", uri], victim)).code).toBe(4);
      loggedIn(victim.cwd);
      await accepted(["pull", uri], victim);
      expect(registry.requests.some(({ headers }) => headers["authorization"])).toBe(true);
      expect(registry.cdn.requests.length).toBeGreaterThan(0);
      expect(registry.cdn.received("authorization")).toEqual([]);
    },
  },
];
