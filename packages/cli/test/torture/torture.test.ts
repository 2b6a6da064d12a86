// Eight processes at a time seed, pull, read, collect, check and are killed at random over one store. The long form,
// `pnpm torture`, does it for ten minutes over a thousand packs.
import type { ChildProcess } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { CtxPack, type CtxUri } from "@ctxpack/client";
import { expect, test } from "vitest";
import { cleanUp, finish, run, scratch, start } from "../run.ts";

cleanUp();

const SECONDS = Number(process.env["CTXPACK_TEST_TORTURE_SECONDS"] ?? 12);
const PACKS = Number(process.env["CTXPACK_TEST_TORTURE_PACKS"] ?? 60);
const LANES = 8;
const DAY_MS = 86_400_000;
/** Of how many runs one is killed. */
const KILLED = 4;

/** One pack of the many: what it holds is a function of its number. */
interface Subject {
  readonly number: number;
  readonly uri: CtxUri;
  readonly dir: string;
  readonly contract: string;
}

interface Place {
  readonly cwd: string;
  readonly subjects: readonly Subject[];
  /** What the store takes at first. */
  readonly bytes: number;
}

test(
  `${LANES} processes for ${SECONDS} s over ${PACKS} packs: nothing wrong, nothing lost, nothing left`,
  async () => {
    const place = await makePacks();
    const { cwd, subjects } = place;
    const tally: Record<string, number> = {};
    const began = performance.now();
    const paths = new Map<string, Subject>();
    const random = xorshift(20_261_126);

    const lane = async (): Promise<void> => {
      for (;;) {
        const part = (performance.now() - began) / (SECONDS * 1000);
        if (part >= 1) return;
        const subject = subjects[random() % subjects.length] as Subject;
        const action = ACTIONS[random() % ACTIONS.length] as Action;
        // Less and less room: there is always something that has to go.
        const room = Math.round(place.bytes * (1 - 0.9 * part));
        const child = start(argsOf(action, subject, { salt: random(), room }), { cwd });
        const isKilled = random() % KILLED === 0;
        if (isKilled) killAfter(child, random() % 250);
        const { code, stdout, stderr } = await finish(child);
        const key = `${action}${isKilled && code === null ? " killed" : ""}`;
        tally[key] = (tally[key] ?? 0) + 1;
        if (isKilled && code === null) continue;
        expect(
          ALLOWED[action],
          `${action} of pack ${subject.number}: exit ${code}\n${stdout}${stderr}`,
        ).toContain(code);
        if (code === 0 && (action === "pull" || action === "tree")) {
          paths.set(stdout.trim(), subject);
          expectContent(stdout.trim(), subject);
        }
        if (code === 0 && action === "cat") expect(stdout).toBe(`pack ${subject.number}\n`);
      }
    };
    await Promise.all(Array.from({ length: LANES }, lane));
    console.log(`torture: ${JSON.stringify(tally)}, ${paths.size} folders handed out`);

    // Nothing that was handed out has gone or changed.
    for (const [path, subject] of paths) {
      expect(existsSync(path), `${path} was collected`).toBe(true);
      expectContent(path, subject);
    }
    // What is visible is whole.
    const checked = await run(["fsck", "--deep", "--repair", "--json"], { cwd });
    expect(checked.code, checked.stdout + checked.stderr).toBe(0);
    await using store = await CtxPack.open({ cacheDir: join(cwd, "store"), cwd, env: {} });
    let visible = 0;
    for await (const { uri, partial } of store.list()) {
      if (partial) continue;
      visible += 1;
      const subject = subjects.find((one) => one.uri === uri) as Subject;
      expectContent((await store.pull(uri)).path, subject);
    }
    expect(visible).toBeGreaterThan(0);
    // One collection later nothing is there that no pack needs, and nothing that a killed process has left.
    const grace = { unnamedMs: -1, usedMs: DAY_MS, handedOutMs: 7 * DAY_MS };
    await store.collectStore({ apply: true, grace });
    expect(await store.collectStore({ grace })).toMatchObject({
      packs: [],
      trees: [],
      blobs: { count: 0 },
      contents: { count: 0 },
      unreadable: [],
    });
    expect((await run(["fsck", "--deep"], { cwd })).code).toBe(0);
    const tmp = readdirSync(join(cwd, "store", "tmp"));
    expect(tmp.length).toBeLessThanOrEqual(1);
  },
  (SECONDS + 600) * 1000,
);

const ACTIONS = [
  "seed",
  "seed",
  "pull",
  "pull",
  "tree",
  "tree",
  "cat",
  "copy",
  "rm",
  "gc",
  "gc",
  "fsck",
] as const;
type Action = (typeof ACTIONS)[number];

/** The exit codes an action may have; 3 where the pack may not be there. */
const ALLOWED: Readonly<Record<Action, readonly (number | null)[]>> = {
  seed: [0],
  pull: [0],
  tree: [0, 3],
  cat: [0, 3],
  copy: [0, 3],
  rm: [0, 3],
  gc: [0],
  fsck: [0],
};

function argsOf(
  action: Action,
  subject: Subject,
  { salt, room }: { salt: number; room: number },
): string[] {
  const { uri, dir, contract } = subject;
  if (action === "seed") return ["seed", dir, "--contract", contract, "-q"];
  if (action === "pull") return ["pull", uri, "--from", "oci:pantry", "-q"];
  if (action === "tree") return ["pull", uri, "-q"];
  if (action === "cat") return ["cat", uri, "name"];
  if (action === "copy") return ["pull", uri, "-q", "--to", `to-${salt}`];
  if (action === "rm") return ["rm", uri];
  if (action === "gc") return ["gc", "--apply", "--max-size", String(room), "-q"];
  return ["fsck", "--json"];
}

function killAfter(child: ChildProcess, ms: number): void {
  setTimeout(() => child.kill("SIGKILL"), ms);
}

/** A pantry and a store with every pack, all of it unused for a month, and what each is made of. */
async function makePacks(): Promise<Place> {
  const cwd = scratch();
  const subjects: Subject[] = [];
  await using maker = await CtxPack.open({
    cacheDir: join(cwd, "store"),
    cwd,
    env: {},
    blocking: true,
  });
  for (let number = 0; number < PACKS; number++) {
    const dir = join(cwd, "out", `${number}`);
    mkdirSync(join(dir, "sub"), { recursive: true });
    for (const [path, content] of Object.entries(contentOf(number))) {
      writeFileSync(join(dir, path), content);
    }
    const contract = join(cwd, "out", `${number}.json`);
    writeFileSync(
      contract,
      JSON.stringify({ transforms: [{ tool: "torture", params: { number } }] }),
    );
    const { record } = await maker.seed(dir, { contract });
    await maker.push(record.uri, { to: "oci:pantry" });
    subjects.push({ number, uri: record.uri, dir, contract });
  }
  for (const name of readdirSync(join(cwd, "store"), { recursive: true, encoding: "utf8" })) {
    if (/^(packs|blobs)\//.test(name)) setAge(join(cwd, "store", name));
  }
  const { size: bytes } = await maker.collectStore();
  return { cwd, subjects, bytes };
}

/** Some files of its own, and two that other packs have as well. */
function contentOf(number: number): Record<string, Buffer> {
  return {
    name: Buffer.from(`pack ${number}\n`),
    own: noise(number * 2 + 1001, 3000 + (number % 7) * 9000),
    "sub/a": noise((number % 5) * 2 + 1, 40_000),
    "sub/b": noise((number % 3) * 2 + 101, 300_000),
  };
}

function expectContent(path: string, { number }: Subject): void {
  for (const [name, content] of Object.entries(contentOf(number))) {
    const found = readFileSync(join(path, name));
    expect(found.equals(content), `${join(path, name)} of pack ${number}`).toBe(true);
  }
}

function setAge(path: string): void {
  const at = new Date(Date.now() - 30 * DAY_MS);
  utimesSync(path, at, at);
}

const noises = new Map<string, Buffer>();

/** Does not compress; the same bytes for the same seed. */
function noise(seed: number, size: number): Buffer {
  const key = `${seed}:${size}`;
  const known = noises.get(key);
  if (known !== undefined) return known;
  const random = xorshift(seed);
  const bytes = Buffer.allocUnsafe(size);
  for (let i = 0; i < size; i++) bytes[i] = random();
  if (size >= 40_000) noises.set(key, bytes);
  return bytes;
}

function xorshift(seed: number): () => number {
  let x = seed | 1;
  return () => {
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    return x >>> 0;
  };
}
