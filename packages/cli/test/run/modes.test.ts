// What may be read and written, and pantries.
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { startFaultRegistry } from "@ctxpack/test-tools";
import { expect, test } from "vitest";
import { cleanUp, result, run } from "../run.ts";
import { JOIN, project, runsOf } from "./project.ts";

cleanUp();

const contract = ["run", "--contract", "c.json"];
const other = (cwd: string, name = "b") => ({
  cwd,
  env: { CTXPACK_CACHE_DIR: join(cwd, `store-${name}`), CTXPACK_REGISTRY: "oci:pantry" },
});

/** Each run gives another output. */
const NOISE = "echo x >> runs; mkdir out; cat /proc/sys/kernel/random/uuid > out/noise";

test("--frozen never computes: 3 on a miss, with where was looked", async () => {
  const cwd = project(JOIN);
  const frozen = await run([...contract, "--frozen", "--json"], other(cwd));
  expect(frozen.code).toBe(3);
  expect(frozen.stderr).toMatch(/is a miss: not in the store, nor in oci:pantry/);
  expect(JSON.parse(frozen.stdout)).toMatchObject({
    error: { code: "CTXPACK_E_NOT_FOUND" },
    child: { exitCode: null },
  });
  expect([runsOf(cwd), existsSync(join(cwd, "out"))]).toEqual([0, false]);
  await result(contract, other(cwd));
  await result([...contract, "--frozen"], other(cwd));
  expect(runsOf(cwd)).toBe(1);
});

test("--force computes anew; another output takes the place of the store's, and that is said", async () => {
  const cwd = project(NOISE);
  await result(contract, { cwd });
  const before = readFileSync(join(cwd, "out/noise"), "utf8");
  const forced = await run([...contract, "--force"], { cwd });
  expect(forced.code).toBe(0);
  expect(forced.stderr).toContain("the output is not the one the store had");
  const now = readFileSync(join(cwd, "out/noise"), "utf8");
  expect(now).not.toBe(before);
  await result(contract, { cwd });
  expect(readFileSync(join(cwd, "out/noise"), "utf8")).toBe(now);
  expect(runsOf(cwd)).toBe(2);
});

test("--push to a directory, and another machine has it without computing", async () => {
  const cwd = project(`${JOIN}; echo said`);
  const pushed = await run([...contract, "--push", "--to", "oci:pantry"], { cwd });
  expect(pushed.code).toBe(0);
  expect(pushed.stderr).toMatch(/pushed \d+ blobs, .* to oci:pantry/);
  const again = await run([...contract, "--push", "--to", "oci:pantry"], { cwd });
  expect(again.stderr).toContain("oci:pantry has it already");
  rmSync(join(cwd, "out"), { recursive: true });
  const hit = await run([...contract, "--log"], other(cwd));
  expect(hit).toMatchObject({ code: 0, stdout: pushed.stdout });
  expect(hit.stderr).toMatch(/hit in oci:pantry: 1 file/);
  expect(hit.stderr).toContain("what the command printed is not on this machine");
  expect(readFileSync(join(cwd, "out/all"), "utf8")).toBe("a\nb\n");
  expect(runsOf(cwd)).toBe(1);
});

test("a pantry that has another output: its result is kept in place of our own, everywhere", async () => {
  const cwd = project(NOISE);
  const machine = (name: string) => {
    const { env } = other(cwd, name);
    return { cwd, env: { CTXPACK_CACHE_DIR: env.CTXPACK_CACHE_DIR } };
  };
  await result([...contract, "--push", "--to", "oci:pantry"], machine("a"));
  const theirs = readFileSync(join(cwd, "out/noise"), "utf8");
  const done = await run([...contract, "--push", "--to", "oci:pantry", "--json"], machine("b"));
  expect(done.code).toBe(0);
  expect(done.stderr).toContain("it is kept in place of this one");
  expect(JSON.parse(done.stdout)).toMatchObject({ hit: false, kept: "oci:pantry", pushed: null });
  expect(readFileSync(join(cwd, "out/noise"), "utf8")).toBe(theirs);
  rmSync(join(cwd, "out"), { recursive: true });
  await result([...contract, "--frozen"], machine("b"));
  expect(readFileSync(join(cwd, "out/noise"), "utf8")).toBe(theirs);
  expect(runsOf(cwd)).toBe(2);
});

test("a pull request of GitHub Actions reads pantries, and writes none unless told", async () => {
  const cwd = project(JOIN);
  const { env } = other(cwd);
  const job = { ...env, GITHUB_ACTIONS: "true", GITHUB_EVENT_NAME: "pull_request" };
  const done = await run([...contract, "--push"], { cwd, env: job });
  expect(done.code).toBe(0);
  expect(done.stderr).toContain("not pushed: a pull request reads pantries only");
  expect(existsSync(join(cwd, "pantry"))).toBe(false);
  await result([...contract, "--push", "--cache", "remote:rw"], { cwd, env: job });
  expect(readdirSync(join(cwd, "pantry"))).toContain("oci-layout");
  const fresh = { ...job, CTXPACK_CACHE_DIR: join(cwd, "fresh") };
  await result([...contract, "--frozen"], { cwd, env: fresh });
  const push = { ...fresh, GITHUB_EVENT_NAME: "push", CTXPACK_REGISTRY: "oci:other" };
  await result([...contract, "--push"], { cwd, env: push });
  expect(existsSync(join(cwd, "other"))).toBe(true);
});

test("--cache: each of store and pantries can be read, written, both or neither", async () => {
  const cwd = project(JOIN);
  const run1 = async (cache: string, name: string, ...more: string[]) =>
    await run([...contract, "--cache", cache, ...more], other(cwd, name));
  // Nothing is kept here, and nothing is left of the store that was used meanwhile.
  expect(await run1("local:none,remote:none", "a")).toMatchObject({ code: 0 });
  expect(await run1("local:none,remote:none", "a")).toMatchObject({ code: 0 });
  expect(await run1("local:r", "a")).toMatchObject({ code: 0 });
  expect(runsOf(cwd)).toBe(3);
  expect(await result(["ls", "--plain"], other(cwd, "a"))).toBe("");
  // Sent to a pantry all the same, and got from there.
  expect(await run1("local:none", "a", "--push")).toMatchObject({ code: 0 });
  rmSync(join(cwd, "out"), { recursive: true });
  expect(await run1("local:none", "a", "--frozen")).toMatchObject({ code: 0 });
  expect(readFileSync(join(cwd, "out/all"), "utf8")).toBe("a\nb\n");
  expect(await result(["ls", "--plain"], other(cwd, "a"))).toBe("");
  expect(runsOf(cwd)).toBe(4);
  const alone = await run1("remote:none", "c", "--frozen");
  expect(alone.code).toBe(3);
  expect(alone.stderr).toContain("no pantry was asked, as --cache says");
  expect((await run1("remote:r", "c", "--push")).code).toBe(2);
  expect((await run1("local:w,remote:r", "c", "--frozen")).code).toBe(0);
  expect((await run1("local:w,remote:none", "c", "--frozen")).code).toBe(3);
  expect((await run1("local:r,remote:none", "c", "--frozen")).code).toBe(0);
});

test("a pantry that is down is one warning; with --require-remote it is the end", async () => {
  const cwd = project(JOIN);
  const down = { cwd, env: { CTXPACK_REGISTRY: "127.0.0.1:1/acme/packs" } };
  const done = await run([...contract, "--push"], down);
  expect(done.code).toBe(0);
  expect(done.stderr.match(/127\.0\.0\.1:1\/acme\/packs is not used/g)).toHaveLength(1);
  const required = await run(
    [...contract, "--require-remote", "--force", "--push", "--json"],
    down,
  );
  expect(required.code).toBe(125);
  expect(JSON.parse(required.stdout)).toMatchObject({
    error: { code: "CTXPACK_E_UNAVAILABLE" },
    child: { exitCode: 0 },
  });
  const env = { ...down.env, CTXPACK_CACHE_DIR: join(cwd, "b") };
  const before = await run([...contract, "--require-remote"], { cwd, env });
  expect(before).toMatchObject({ code: 7, stdout: "" });
  expect(runsOf(cwd)).toBe(2);
});

test("a registry is believed only when its user says so; --offline never asks one", async () => {
  const registry = await startFaultRegistry();
  try {
    const address = `${registry.host}/acme/packs`;
    const cwd = project(JOIN);
    const home = (name: string, trust: boolean) => {
      const folder = join(cwd, name);
      mkdirSync(join(folder, "ctxpack"), { recursive: true });
      const pantry = { name: "team", address, ...(trust && { trust: "unsigned" }) };
      writeFileSync(join(folder, "ctxpack/config.json"), JSON.stringify({ pantries: [pantry] }));
      const store = join(folder, "store");
      return { cwd, env: { XDG_CONFIG_HOME: folder, CTXPACK_CACHE_DIR: store } };
    };
    expect((await run([...contract, "--push"], home("a", true))).stderr).toContain("pushed");
    const doubted = await run([...contract, "--frozen"], home("b", false));
    expect(doubted.code).toBe(3);
    expect(doubted.stderr).toContain("no policy vouches for it");
    const requests = registry.requests.length;
    const offline = await run([...contract, "--frozen", "--offline"], home("c", true));
    expect(offline.code).toBe(3);
    expect(registry.requests.length).toBe(requests);
    expect((await run([...contract, "--frozen"], home("c", true))).code).toBe(0);
    expect(runsOf(cwd)).toBe(1);
  } finally {
    await registry[Symbol.asyncDispose]();
  }
});

test("a store whose pack is damaged computes it again", async () => {
  const cwd = project(JOIN);
  const uri = await result(contract, { cwd });
  rmSync(join(cwd, "out"), { recursive: true });
  const blobs = join(cwd, "store/blobs/sha256");
  const { manifest } = JSON.parse(await result(["inspect", uri, "--json"], { cwd }));
  for (const name of readdirSync(blobs)) {
    if (name !== manifest.slice(7) && name !== uri.slice(-64)) rmSync(join(blobs, name));
  }
  const done = await run(contract, { cwd });
  expect(done).toMatchObject({ code: 0, stdout: `${uri}\n` });
  expect(done.stderr).toContain("it counts as a miss");
  expect([runsOf(cwd), readFileSync(join(cwd, "out/all"), "utf8")]).toEqual([2, "a\nb\n"]);
});
