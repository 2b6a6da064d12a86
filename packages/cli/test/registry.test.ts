// The commands with Debian's registry, as people and many machines at once use them.
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  digestOf,
  missingProgram,
  startDockerRegistry,
  startFaultRegistry,
} from "@ctxpack/test-tools";
import { describe, expect, onTestFinished, test } from "vitest";
import { until } from "./run/project.ts";
import { cleanUp, finish, result, run, scratch, start } from "./run.ts";

cleanUp();

function noise(size: number, seed: number): Buffer {
  const bytes = Buffer.allocUnsafe(size);
  let x = (seed * 2654435761) >>> 0 || 1;
  for (let i = 0; i < size; i++) {
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    bytes[i] = x;
  }
  return bytes;
}

/** Seeds files for a contract of that name; the store is the one of `cwd` unless told. */
async function seed(
  cwd: string,
  name: string,
  files: Readonly<Record<string, string | Buffer>>,
  env: Record<string, string> = {},
): Promise<string> {
  const dir = join(cwd, `out-${name}-${Object.keys(env).length}`);
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(join(dir, path, ".."), { recursive: true });
    writeFileSync(join(dir, path), content);
  }
  writeFileSync(join(cwd, `${name}.json`), JSON.stringify({ transforms: [{ tool: name }] }));
  return result(["seed", dir, "--contract", `${name}.json`], { cwd, env });
}

const store = (dir: string): Record<string, string> => ({ CTXPACK_CACHE_DIR: dir });

describe.skipIf(missingProgram("docker-registry", "htpasswd"))("docker-registry", () => {
  const serve = async (options: Parameters<typeof startDockerRegistry>[0] = {}) => {
    const server = await startDockerRegistry(options);
    onTestFinished(() => server[Symbol.asyncDispose]());
    return server;
  };
  const blobsOn = (dir: string): number => {
    const { stdout } = spawnSync("find", [dir, "-path", "*/blobs/sha256/*/data"], {
      encoding: "utf8",
    });
    return stdout.split("\n").filter((line) => line !== "").length;
  };

  test("log in, push, pull, log out", async () => {
    const cwd = scratch();
    const server = await serve({
      auth: { kind: "htpasswd", user: "alice", password: "s3cret pw" },
    });
    const docker = join(cwd, "docker");
    mkdirSync(docker);
    writeFileSync(join(docker, "config.json"), '{"auths":{"other.example":{"auth":"YTpi"}}}');
    const env = { DOCKER_CONFIG: docker };
    const login = async (password: string) => {
      const child = spawnSync(
        process.execPath,
        [
          join(import.meta.dirname, "../bin/ctxpack.cjs"),
          "login",
          server.host,
          "--username",
          "alice",
          "--password-stdin",
        ],
        {
          cwd,
          env: {
            PATH: process.env["PATH"],
            HOME: cwd,
            CTXPACK_CACHE_DIR: join(cwd, "store"),
            ...env,
          },
          input: `${password}\n`,
          encoding: "utf8",
        },
      );
      return child;
    };
    const wrong = await login("not-the-pa55word");
    expect(wrong.status).toBe(4);
    expect(wrong.stdout + wrong.stderr).not.toMatch(
      new RegExp(`pa55word|${Buffer.from("alice:not-the-pa55word").toString("base64")}`),
    );
    expect(readFileSync(join(docker, "config.json"), "utf8")).not.toContain(server.host);
    const right = await login("s3cret pw");
    expect(right.status, right.stderr).toBe(0);
    expect(right.stdout + right.stderr).not.toContain("s3cret");
    expect(right.stdout.trim()).toBe(join(docker, "config.json"));
    expect(right.stderr).toContain("a credential helper keeps it better");
    expect(statSync(join(docker, "config.json")).mode & 0o777).toBe(0o600);
    const kept = JSON.parse(readFileSync(join(docker, "config.json"), "utf8"));
    expect(Object.keys(kept.auths)).toEqual(["other.example", server.host]);
    const uri = await seed(cwd, "t", { "a.txt": "a" });
    const pantry = `${server.host}/acme/packs`;
    await result(["push", uri, "--to", pantry], { cwd, env });
    await result(["pull", uri, "--from", pantry], { cwd, env: { ...env, ...store(scratch()) } });
    expect(await result(["logout", server.host], { cwd, env })).toBe(join(docker, "config.json"));
    const refused = await run(["pull", uri, "--from", pantry], {
      cwd,
      env: { ...env, ...store(scratch()) },
    });
    expect(refused.code).toBe(4);
    // Without a terminal nobody is asked.
    const asked = await run(["login", server.host, "--username", "alice"], { cwd, env });
    expect(asked.code).toBe(2);
    expect(asked.stderr).toContain("--password-stdin");
  });

  test("two stores with different outputs of one contract, at once: one stays, and both know", async () => {
    const server = await serve();
    let conflicts = 0;
    for (let round = 0; round < 6; round++) {
      const cwd = scratch();
      const stores = [store(join(cwd, "one")), store(join(cwd, "two"))] as const;
      const uri = await seed(cwd, `t${round}`, { "a.txt": "one" }, stores[0]);
      writeFileSync(join(cwd, `out-t${round}-1/a.txt`), "two");
      await result(["seed", `out-t${round}-1`, "--contract", `t${round}.json`], {
        cwd,
        env: stores[1],
      });
      const pantry = `${server.host}/race/packs`;
      const pushes = stores.map((env) =>
        finish(start(["push", uri, "--to", pantry], { cwd, env })),
      );
      const done = await Promise.all(pushes);
      const codes = done.map(({ code }) => code).sort();
      expect(codes, done.map(({ stderr }) => stderr).join()).toEqual([0, 8]);
      conflicts++;
      expect(done.find(({ code }) => code === 8)?.stderr).toContain("a.txt (changed: byte 0)");
      const winner = done.findIndex(({ code }) => code === 0);
      const path = await result(["pull", uri, "--from", pantry], {
        cwd,
        env: store(join(cwd, "three")),
      });
      expect(readFileSync(join(path, "a.txt"), "utf8")).toBe(["one", "two"][winner]);
      if (round > 0) continue;
      // --replace keeps the one that was there, under a tag of its own.
      const loser = stores[1 - winner] as Record<string, string>;
      await result(["push", uri, "--to", pantry, "--replace"], { cwd, env: loser });
      const tags = (await (await fetch(`${server.origin}/v2/race/packs/tags/list`)).json()) as {
        tags: string[];
      };
      expect(tags.tags.filter((tag) => /^ctx-[0-9a-f]{64}-[0-9a-f]{12}$/.test(tag))).toHaveLength(
        1,
      );
    }
    expect(conflicts).toBe(6);
  });

  test("16 processes push and pull the same and different packs, with one registry and one store", async () => {
    const cwd = scratch();
    const server = await serve();
    const pantry = `${server.host}/many/packs`;
    const uris: string[] = [];
    for (let i = 0; i < 4; i++)
      uris.push(
        await seed(cwd, `p${i}`, {
          "a.bin": noise(700_000, i + 1),
          "same.bin": noise(300_000, 99),
        }),
      );
    const shared = store(join(cwd, "shared"));
    const pushes = Array.from({ length: 16 }, (_, i) =>
      run(["push", uris[i % 4] as string, "--to", pantry], { cwd }),
    );
    for (const done of await Promise.all(pushes)) expect(done.code, done.stderr).toBe(0);
    const before = blobsOn(server.dir);
    const mixed = Array.from({ length: 16 }, (_, i) => {
      const uri = uris[(i >> 1) % 4] as string;
      return i % 2
        ? run(["push", uri, "--to", pantry], { cwd })
        : run(["pull", uri, "--from", pantry], { cwd, env: shared });
    });
    for (const done of await Promise.all(mixed)) expect(done.code, done.stderr).toBe(0);
    expect(blobsOn(server.dir)).toBe(before);
    // Each blob of the four packs once, and their manifests.
    const blobs = readdirSync(join(cwd, "store/blobs/sha256"));
    expect(before).toBe(blobs.length);
    for (const uri of uris) {
      const path = await result(["pull", uri, "--verify"], { cwd, env: shared });
      expect(readdirSync(path)).toEqual(["a.bin", "same.bin"]);
    }
  });

  test("packs travel through an archive, and a second push sends what changed only", async () => {
    const cwd = scratch();
    const server = await serve();
    const files = Object.fromEntries(
      Array.from({ length: 12 }, (_, i) => [`f${i}.bin`, noise(400_000, i + 1)]),
    );
    const one = await seed(cwd, "one", files);
    const two = await seed(cwd, "two", { ...files, "f3.bin": noise(400_000, 77) });
    const pantry = `${server.host}/acme/packs`;
    await result(["push", one, "--to", pantry], { cwd });
    const { bytes } = JSON.parse(await result(["push", two, "--to", pantry, "--json"], { cwd }));
    expect(bytes.sent).toBeLessThan(2_000_000);
    expect(bytes.existing).toBeGreaterThan(3_000_000);
    const env = store(join(cwd, "empty"));
    const pulled = JSON.parse(
      await result(["pull", one, "--from", pantry, "--only", "f0.bin", "--json"], { cwd, env }),
    );
    expect(pulled.bytes.fetched).toBeLessThan(1_700_000);
    await result(["cp", pantry, "oci-archive:packs.tar", "--all"], { cwd });
    await result(["cp", "oci-archive:packs.tar", `${server.host}/moved/packs`, "--all"], { cwd });
    const path = await result(["pull", two, "--from", `${server.host}/moved/packs`], { cwd, env });
    expect(digestOf(readFileSync(join(path, "f3.bin")))).toBe(digestOf(noise(400_000, 77)));
  });
});

test("a pull that is interrupted goes on where it stopped", async () => {
  const cwd = scratch();
  const server = await startFaultRegistry();
  onTestFinished(() => server[Symbol.asyncDispose]());
  const uri = await seed(cwd, "t", { "a.bin": noise(6_000_000, 1), "b.bin": noise(2_000_000, 2) });
  const pantry = `${server.host}/acme/packs`;
  await result(["push", uri, "--to", pantry], { cwd });
  server.faults.drip = 400_000;
  const env = store(join(cwd, "empty"));
  const child = start(["pull", uri, "--from", pantry, "-j", "2"], { cwd, env });
  const done = finish(child);
  const sent = (): number =>
    server.requests
      .filter(({ url }) => url.includes("/blobs/"))
      .reduce((sum, { bytesOut }) => sum + bytesOut, 0);
  await until(() => sent() > 400_000);
  child.kill("SIGINT");
  expect((await done).code).toBe(130);
  const kept = join(cwd, "empty/unfinished");
  expect(existsSync(kept) || readdirSync(join(cwd, "empty/blobs/sha256")).length > 1).toBe(true);
  const before = sent();
  server.faults.drip = undefined;
  const path = await result(["pull", uri, "--from", pantry], { cwd, env });
  expect(digestOf(readFileSync(join(path, "a.bin")))).toBe(digestOf(noise(6_000_000, 1)));
  // What had arrived did not come again, but for what was still in the sockets.
  // The second pull alone: what it was sent and what had come before are the pack, not more.
  expect(sent() - before).toBeLessThan(8_100_000 - before / 2);
  expect(existsSync(kept) ? readdirSync(kept) : []).toEqual([]);
});

test("remotes: a name for a pantry, in the user's own configuration", async () => {
  const cwd = scratch();
  const server = await startFaultRegistry();
  onTestFinished(() => server[Symbol.asyncDispose]());
  const pantry = `${server.host}/acme/packs`;
  const uri = await seed(cwd, "t", { "a.txt": "a" });
  await result(["remote", "add", "team", pantry], { cwd });
  await result(["remote", "add", "folder", "oci:./pantry"], { cwd });
  await result(["push", uri, "--to", "team"], { cwd });
  const env = store(join(cwd, "empty"));
  await result(["pull", uri, "--from", "team"], { cwd, env });
  expect(JSON.parse(await result(["remote", "ls", "--json"], { cwd })).remotes).toMatchObject([
    { name: "team", address: pantry, trusted: false, used: true },
    { name: "folder", address: `oci:${join(cwd, "pantry")}`, trusted: true },
  ]);
  // Signed by nobody: no result for a program, until the user says so.
  const { CtxPack } = await import("@ctxpack/client");
  const resolves = async (): Promise<boolean> => {
    const own = { HOME: cwd, CTXPACK_CACHE_DIR: join(cwd, "nothing") };
    await using ctx = await CtxPack.open({ env: own, cwd });
    return (await ctx.resolve(join(cwd, "t.json"))).hit;
  };
  expect(await resolves()).toBe(false);
  await result(["remote", "add", "team", pantry, "--trust", "unsigned"], { cwd });
  expect(await resolves()).toBe(true);
  await result(["remote", "rm", "team"], { cwd });
  expect((await run(["remote", "rm", "team"], { cwd })).code).toBe(3);
  expect((await run(["remote", "add", "x y", pantry], { cwd })).code).toBe(2);
  expect((await run(["remote", "add", "x", `${pantry}:tag`], { cwd })).code).toBe(2);
});
