import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { loadConfig } from "../src/config.ts";

const root = mkdtempSync(join(tmpdir(), "ctxpack-config-"));
const cwd = join(root, "project/deep/er");
mkdirSync(cwd, { recursive: true });
mkdirSync(join(root, "user/ctxpack"), { recursive: true });
afterAll(() => rmSync(root, { recursive: true, force: true }));

const env = { XDG_CONFIG_HOME: join(root, "user"), XDG_CACHE_HOME: join(root, "cache") };
const project = join(root, "project/ctxpack.config.json");
const user = join(root, "user/ctxpack/config.json");

function write(file: string, value: unknown): void {
  writeFileSync(file, typeof value === "string" ? value : JSON.stringify(value));
}

async function refusal(value: unknown): Promise<string> {
  write(project, value);
  try {
    loadConfig({ cwd, env });
  } catch (error) {
    const { code, message } = error as { code: string; message: string };
    expect(code).toBe("CTXPACK_E_CONFIG");
    return message.replaceAll(root, "");
  } finally {
    rmSync(project);
  }
  throw new Error("nothing was refused");
}

test("without files and variables there are defaults", async () => {
  expect(loadConfig({ cwd, env })).toEqual({
    cacheDir: join(root, "cache/ctxpack"),
    pantries: [],
    offline: false,
    named: [],
    trusted: new Set(),
    registries: {},
    policies: [],
    locks: [],
    files: [],
  });
});

test("environment over project over user, setting by setting", async () => {
  write(user, {
    cacheDir: "u",
    concurrency: 2,
    offline: true,
    pantries: ["oci:./u"],
    policy: "user.json",
    lock: "user.lock",
  });
  write(project, {
    $schema: "https://example.com/x",
    cacheDir: "p",
    pantries: [{ name: "team", address: "oci:./p" }],
    policy: "project.json",
    lock: "project.lock",
  });
  const team = { name: "team", address: "oci:./p", baseDir: join(root, "project"), file: project };
  // Policies add up: none of them hides another.
  const added = [join(root, "user/ctxpack/user.json"), join(root, "project/project.json")];
  const locks = [join(root, "user/ctxpack/user.lock"), join(root, "project/project.lock")];
  // The user's own folders; the project's is somebody else's.
  const trusted = [`oci:${join(root, "user/ctxpack/u")}`];
  const rest = {
    named: [team],
    registries: {},
    workspace: join(root, "project"),
    files: [project, user],
  };
  expect(loadConfig({ cwd, env })).toEqual({
    cacheDir: join(root, "project/p"),
    pantries: [team],
    offline: true,
    concurrency: 2,
    policies: added,
    locks,
    trusted: new Set(trusted),
    ...rest,
  });
  const over = {
    ...env,
    CTXPACK_CACHE_DIR: "e",
    CTXPACK_REGISTRY: "oci:./e",
    CTXPACK_OFFLINE: "0",
    CTXPACK_CONCURRENCY: "8",
    CTXPACK_POLICY: "env.json",
    CTXPACK_LOCK: "env.lock",
  };
  expect(loadConfig({ cwd, env: over })).toEqual({
    cacheDir: join(cwd, "e"),
    pantries: [{ address: "oci:./e", baseDir: cwd }],
    offline: false,
    concurrency: 8,
    policies: [...added, join(cwd, "env.json")],
    locks: [...locks, join(cwd, "env.lock")],
    trusted: new Set([...trusted, `oci:${join(cwd, "e")}`]),
    ...rest,
  });
  rmSync(user);
  rmSync(project);
});

test("what a registry needs comes from both files, and the user's has the last word", async () => {
  write(user, { registries: { "reg.example:5000": { ca: "ca.pem", chunkSize: 65_536 } } });
  write(project, {
    registries: {
      "reg.example:5000": { chunkSize: 1_000_000, mirrors: ["mirror.example/hub"] },
      "127.0.0.1:5000": { plainHttp: true },
    },
  });
  const old = { ...env, CTXP_REGISTRY_URL: "http://Old.example:80/", CTXP_REPO: "a/b" };
  expect(loadConfig({ cwd, env: old }).registries).toEqual({
    "reg.example:5000": {
      ca: join(root, "user/ctxpack/ca.pem"),
      chunkSize: 65_536,
      mirrors: ["mirror.example/hub"],
      // What a tag leads to is not for a project to say.
      mirroredTags: false,
    },
    "127.0.0.1:5000": { plainHttp: true },
    "old.example:80": { plainHttp: true },
  });
  write(user, { registries: { "reg.example:5000": { mirrors: ["own.example"] } } });
  expect(loadConfig({ cwd, env }).registries["reg.example:5000"]).toMatchObject({
    mirrors: ["own.example"],
    mirroredTags: true,
  });
  rmSync(user);
  rmSync(project);
});

test("whose unsigned packs are taken is said in the user's own file only", async () => {
  write(user, { pantries: [{ name: "team", address: "reg.example/packs", trust: "unsigned" }] });
  write(project, { pantries: ["reg.example/packs", "reg.example/others"] });
  const config = loadConfig({ cwd, env });
  expect([...config.trusted]).toEqual(["reg.example/packs"]);
  expect(config.pantries.map(({ address }) => address)).toHaveLength(2);
  expect(config.named.map(({ name }) => name)).toEqual(["team"]);
  rmSync(user);
  rmSync(project);
});

test("the first prototype's variables name the pantry when nothing else does", async () => {
  const old = { ...env, CTXP_REGISTRY_URL: "https://ghcr.io/", CTXP_REPO: "acme/packs" };
  expect(loadConfig({ cwd, env: old }).pantries).toEqual([
    { address: "ghcr.io/acme/packs", baseDir: cwd },
  ]);
  // A URL of https says nothing that was not so without it.
  expect(loadConfig({ cwd, env: old }).registries).toEqual({});
  const other = { ...old, CTXPACK_REGISTRY: "oci:./p" };
  expect(loadConfig({ cwd, env: other }).pantries).toHaveLength(1);
  expect(loadConfig({ cwd, env: { ...env, CTXP_REPO: "x" } }).pantries).toEqual([]);
});

test("what a file may not say is refused, naming file and place", async () => {
  const file = "/project/ctxpack.config.json";
  expect(await refusal("{")).toContain(`${file} is not JSON:`);
  expect(await refusal([])).toBe(`${file}: the file must be an object`);
  expect(await refusal({ cachDir: "x" })).toBe(`${file}: /cachDir is no setting`);
  expect(await refusal({ policy: 1 })).toBe(`${file}: /policy must be a string that is not empty`);
  expect(await refusal({ cacheDir: "" })).toBe(
    `${file}: /cacheDir must be a string that is not empty`,
  );
  expect(await refusal({ concurrency: 0 })).toBe(
    `${file}: /concurrency must be an integer from 1 to 64`,
  );
  expect(await refusal({ offline: "yes" })).toBe(`${file}: /offline must be true or false`);
  expect(await refusal({ pantries: "oci:./p" })).toBe(`${file}: /pantries must be an array`);
  expect(await refusal({ pantries: [{ adress: "x" }] })).toBe(
    `${file}: /pantries/0/adress is no setting`,
  );
  const trusting = { pantries: [{ address: "reg.example/p", trust: "unsigned" }] };
  expect(await refusal(trusting)).toBe(
    `${file}: /pantries/0/trust is for the user to say, not for a project`,
  );
  expect(await refusal({ registries: { "a/b": {} } })).toBe(
    `${file}: /registries/a/b is not a registry's host`,
  );
  expect(await refusal({ registries: { "a.example": { cert: "c" } } })).toBe(
    `${file}: /registries/a.example must have both /cert and /key, or none of them`,
  );
  expect(await refusal({ registries: { "a.example": { upload: "ftp" } } })).toBe(
    `${file}: /registries/a.example/upload must be one of "put", "stream", "chunks"`,
  );
  expect(await refusal({ registries: { "a.example": { chunkSize: 5 } } })).toBe(
    `${file}: /registries/a.example/chunkSize must be an integer from 65536 to 1073741824`,
  );
  expect(await refusal({ registries: { "a.example": { mirrors: ["x"] } } })).toBe(
    `${file}: /registries/a.example/mirrors/0 is not host[:port] or host[:port]/prefix`,
  );
  expect(await refusal({ pantries: [{ address: 7 }] })).toBe(
    `${file}: /pantries/0/address must be a string that is not empty`,
  );
});

test.each(["plainHttp", "insecure", "allowCrossHostUpload"])(
  "a project's file takes no protection away: %s",
  async (key) => {
    expect(await refusal({ registries: { "ghcr.io": { [key]: true } } })).toBe(
      `/project/ctxpack.config.json: /registries/ghcr.io/${key} takes away what protects your credentials: ` +
        "only your own configuration may",
    );
    write(project, {
      registries: { "localhost:5000": { [key]: true }, "ghcr.io": { [key]: false } },
    });
    expect(loadConfig({ cwd, env })).toBeTruthy();
    rmSync(project);
  },
);

test("a project's file does not say who signs a registry's certificate", async () => {
  expect(await refusal({ registries: { "ghcr.io": { ca: "ca.pem" } } })).toBe(
    "/project/ctxpack.config.json: /registries/ghcr.io/ca takes away what protects your credentials: " +
      "only your own configuration may",
  );
});

test("a variable that cannot be read is refused", async () => {
  const load = async (more: Record<string, string>) =>
    loadConfig({ cwd, env: { ...env, ...more } });
  await expect(load({ CTXPACK_CONCURRENCY: "many" })).rejects.toMatchObject({
    code: "CTXPACK_E_CONFIG",
    message: "CTXPACK_CONCURRENCY must be an integer from 1 to 64",
  });
  await expect(load({ CTXPACK_OFFLINE: "maybe" })).rejects.toMatchObject({
    code: "CTXPACK_E_CONFIG",
  });
});
