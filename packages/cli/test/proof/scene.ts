import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";
import { result, run, scratch } from "../run.ts";
import { Attacker, type Described, digestOf, type Json } from "./attacker.ts";

export const TEAM = "team";

interface Key {
  readonly pem: string;
  readonly publicKey: string;
  /** OpenSSH fingerprint. */
  readonly id: string;
}

/** The team's machine: it makes a pack, another one of the first, and has keys. */
export interface Team {
  readonly cwd: string;
  readonly packs: readonly string[];
  readonly keys: Readonly<Record<string, Key>>;
}

const CONTRACT = {
  // The contract does not name `salt`: who has another one makes another output of it.
  command: ["sh", "-c", 'cat salt > "$0"; echo ran >> ran', "{out}"],
  transforms: [{ tool: "ocr", tool_version: "1" }],
  outputs: [{ path: "out.txt" }],
};

const MAP = ["map", "--in", "docs/*.txt", "--out", "mapped/{name}.up"];
const MAPPER = ["--", "sh", "-c", 'echo ran >> ran; cat "$0" "$0" > "$1"', "{in}", "{out}"];

/** The command line of the map that everybody here runs. */
export function mapLine(...flags: string[]): string[] {
  return [...MAP, ...flags, ...MAPPER];
}

/** A folder with what can be computed in it. */
export function project(): string {
  const cwd = scratch();
  writeFileSync(join(cwd, "c.json"), JSON.stringify(CONTRACT));
  writeFileSync(join(cwd, "salt"), "result\n");
  mkdirSync(join(cwd, "docs"));
  for (const name of ["a", "b"]) writeFileSync(join(cwd, `docs/${name}.txt`), `${name}\n`);
  return cwd;
}

export async function startTeam(): Promise<Team> {
  const cwd = project();
  const keys: Record<string, Key> = {};
  for (const name of [TEAM, "stranger", "intern", "retired", "expired"]) {
    const keygen = ["keygen", "--out", `${name}.pem`, "--json"];
    const { keyId: id } = JSON.parse(await result(keygen, { cwd }));
    const pem = readFileSync(join(cwd, `${name}.pem`), "utf8");
    keys[name] = { pem, publicKey: readFileSync(join(cwd, `${name}.pub`), "utf8"), id };
  }
  const one = await result(["run", "--contract", "c.json"], { cwd });
  const base = [{ name: "base", pack: one }];
  writeFileSync(join(cwd, "other.json"), JSON.stringify({ ...CONTRACT, inputs: base }));
  const packs = [one, await result(["run", "--contract", "other.json"], { cwd })];
  return { cwd, packs, keys };
}

/** One of the team's packs in the pantry, as the attacker finds it. */
export interface Target {
  readonly uri: string;
  /** `ctx-<hex>`. */
  readonly tag: string;
  readonly descriptor: Described;
  readonly manifest: Json;
  /** What the team attached. */
  readonly bundle: Json;
}

/** A pantry with the team's signed packs, an attacker who may push to it, and a policy that believes the team. */
export interface Scene {
  readonly pantry: string;
  readonly team: Team;
  readonly attacker: Attacker;
  readonly targets: readonly Target[];
}

/** How the team signs. */
export interface Signing {
  readonly flags: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/** Signs the team's packs and pushes them to a pantry that nothing is in. */
export async function stage(team: Team, pantry: string, { flags, env }: Signing): Promise<Scene> {
  for (const uri of team.packs) {
    await result(["push", uri, "--to", pantry, "--attest", ...flags], {
      cwd: team.cwd,
      env: { ...env, CTXPACK_CACHE_DIR: join(team.cwd, "store") },
    });
  }
  return await sceneAt(team, pantry);
}

/** The same packs and proofs in another repository. */
export async function restage({ team, attacker }: Scene, pantry: string): Promise<Scene> {
  for (const uri of team.packs) await attacker.copy(tagOf(uri), new Attacker(pantry));
  return await sceneAt(team, pantry);
}

async function sceneAt(team: Team, pantry: string): Promise<Scene> {
  const attacker = new Attacker(pantry);
  const targets: Target[] = [];
  for (const uri of team.packs) {
    const tag = tagOf(uri);
    const bytes = (await attacker.manifest(tag)) as Uint8Array;
    const manifest = JSON.parse(new TextDecoder().decode(bytes));
    const { mediaType } = manifest;
    const descriptor = { mediaType, digest: digestOf(bytes), size: bytes.length };
    const bundle = await attacker.bundle(descriptor.digest);
    targets.push({ uri, tag, descriptor, manifest, bundle });
  }
  return { pantry, team, attacker, targets };
}

export function tagOf(uri: string): string {
  return `ctx-${uri.slice("ctx://sha256:".length)}`;
}

/** Puts another output under a pack's tag that claims the same contract; nobody vouches for it. */
export async function poison(
  { attacker }: Pick<Scene, "attacker">,
  target: Pick<Target, "manifest" | "tag">,
): Promise<Described> {
  // The index of a pack is not read before the policy has spoken: any other layer will do.
  const { config, layers, ...rest } = target.manifest;
  const evil = new TextEncoder().encode("poison");
  const blob = await attacker.putBlob(evil, layers[0].mediaType);
  const [index, ...segments] = layers;
  const forged = { ...rest, config, layers: [{ ...index, ...blob }, ...segments] };
  return await attacker.putManifest(inOrder(forged), target.tag);
}

/** The manifest's canonical form: nothing but who vouches for it shall be wrong with it. */
function inOrder(value: Json): Json {
  if (Array.isArray(value)) return value.map(inOrder);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.keys(value)
      .sort()
      .map((key) => [key, inOrder(value[key])]),
  );
}

/** Another machine. */
export interface Victim {
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
}

/** A machine with an empty store and a policy, that has only this pantry. */
export function victimOf(pantry: string, policy?: object): Victim {
  const cwd = project();
  if (policy !== undefined) writeFileSync(join(cwd, "policy.json"), JSON.stringify(policy));
  const env = {
    CTXPACK_REGISTRY: pantry,
    ...(policy !== undefined && { CTXPACK_POLICY: join(cwd, "policy.json") }),
  };
  return { cwd, env };
}

/** What a command ended with. */
export interface Ending {
  readonly exit: number | null;
  readonly code: string | undefined;
  readonly message: string;
  readonly stderr: string;
}

/** Runs a command with `--json`; a `map` writes several lines, the last one counts. */
export async function ending(args: readonly string[], victim: Victim): Promise<Ending> {
  const [command = "", ...rest] = args;
  const done = await run([command, "--json", ...rest], victim);
  const last = done.stdout.trimEnd().split("\n").at(-1) || "{}";
  const { error } = JSON.parse(last);
  const message = `${error?.message ?? ""}\n${error?.hint ?? ""}`;
  return { exit: done.code, code: error?.code, message, stderr: done.stderr };
}

/** Nothing of a refused pack is to be seen, neither in the store nor in the folder, and nothing was computed. */
export async function expectNothing(victim: Victim, uri: string): Promise<void> {
  await expectNoHit(victim, uri);
  const seen = ["packs", "trees", "proofs"].flatMap((name) => storedIn(victim, name));
  expect(seen.filter((path) => /[0-9a-f]{60}/.test(path))).toEqual([]);
  for (const made of ["out.txt", "mapped", "ran"]) {
    expect(existsSync(join(victim.cwd, made)), made).toBe(false);
  }
}

/** The store has no pack at all, and this one is no hit. */
export async function expectNoHit({ cwd, env }: Victim, uri: string): Promise<void> {
  const listed = await run(["ls", "--json"], { cwd, env });
  expect(JSON.parse(listed.stdout).packs, listed.stderr).toEqual([]);
  // Without any pantry, also those of its own configuration.
  const alone = { ...env, CTXPACK_REGISTRY: "", HOME: join(cwd, "nobody") };
  expect((await run(["exists", uri], { cwd, env: alone })).code).toBe(3);
}

/** Paths of what is in a folder of the store. */
export function storedIn({ cwd }: Victim, name: string): string[] {
  const folder = join(cwd, "store", name);
  return existsSync(folder) ? (readdirSync(folder, { recursive: true }) as string[]) : [];
}

/** Believes the team for what it ran; knows others, whom it does not ask or does not believe any more. */
export function teamPolicy({ keys }: Team, more: object = {}): object {
  const signer = (name: string, times: object = {}) => {
    const publicKey = keys[name]?.publicKey;
    return [name, { publicKey, ...times }];
  };
  const run = { id: "https://ctxpack.dev/builders/run/v1", signers: [TEAM, "retired", "expired"] };
  return {
    schema: "ctxpack.policy/v1",
    signers: Object.fromEntries([
      signer(TEAM),
      signer("intern"),
      signer("retired", { revokedAt: "2024-01-01" }),
      signer("expired", { validUntil: "2024-01-01" }),
    ]),
    rules: [{ require: [{ builders: [run] }], ...more }],
  };
}
