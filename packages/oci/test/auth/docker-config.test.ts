import { execFile } from "node:child_process";
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { delimiter, join } from "node:path";
import { promisify } from "node:util";
import { scratchFolder } from "@ctxpack/test-tools";
import { describe, expect, it, onTestFinished } from "vitest";
import type { Credential } from "../../src/auth/credential.ts";
import {
  dockerConfigCredentials,
  eraseCredential,
  storeCredential,
} from "../../src/auth/docker-config.ts";

interface Home {
  readonly dir: string;
  readonly env: Record<string, string>;
  write(path: string, value: unknown): string;
  helper(name: string, script: string): void;
}

function home(): Home {
  const scratch = scratchFolder();
  onTestFinished(() => scratch[Symbol.dispose]());
  const dir = scratch.path;
  const bin = join(dir, "bin");
  mkdirSync(bin);
  return {
    dir,
    env: { HOME: dir, PATH: `${bin}${delimiter}${process.env["PATH"]}` },
    write(path, value) {
      const file = join(dir, path);
      mkdirSync(join(file, ".."), { recursive: true });
      writeFileSync(file, typeof value === "string" ? value : JSON.stringify(value));
      return file;
    },
    helper(name, script) {
      writeFileSync(join(bin, `docker-credential-${name}`), `#!/bin/sh\n${script}\n`, {
        mode: 0o755,
      });
    },
  };
}

const auth = (user: string, password = "pw"): { auth: string } => ({
  auth: Buffer.from(`${user}:${password}`).toString("base64"),
});

async function found(
  { env }: Home,
  host: string,
  repository?: string,
  more: Record<string, string> = {},
): Promise<Credential | undefined> {
  const provider = dockerConfigCredentials({ env: { ...env, ...more }, helperTimeoutMs: 2000 });
  return (await provider.get(host, { repository }))?.credential;
}

const user = (username: string, password = "pw"): Credential => ({
  kind: "basic",
  username,
  password,
});

describe("auths", () => {
  it.each<[string, object, Credential | undefined]>([
    ["auth", auth("a", "p:q:r"), user("a", "p:q:r")],
    ["auth ending in zeros", { auth: Buffer.from("a:pw\0\0").toString("base64") }, user("a")],
    ["username and password", { username: "a", password: "pw" }, user("a")],
    [
      "an identity token",
      { ...auth("00000000-0000", ""), identitytoken: "it" },
      { kind: "identity", token: "it", username: "00000000-0000" },
    ],
    ["a registry token", { registrytoken: "rt" }, { kind: "bearer", token: "rt" }],
    ["nothing: a helper has it", {}, undefined],
    ["nonsense", { auth: "!!!" }, undefined],
    ["no colon", { auth: Buffer.from("abc").toString("base64") }, undefined],
  ])("%s", async (_, entry, expected) => {
    const h = home();
    h.write(".docker/config.json", { auths: { "reg.example:5000": entry } });
    expect(await found(h, "reg.example:5000")).toEqual(expected);
  });

  it.each<[string, string, boolean]>([
    ["reg.example", "reg.example", true],
    ["https://reg.example", "reg.example", true],
    ["https://reg.example/v1/", "reg.example", true],
    ["http://reg.example:5000/v2/", "reg.example:5000", true],
    ["REG.example", "reg.example", true],
    ["reg.example", "reg.example:443", false],
    ["reg.example:5000", "reg.example", false],
    ["reg.example", "xreg.example", false],
    ["reg.example", "reg.example.evil", false],
    ["eg.example", "reg.example", false],
    ["https://index.docker.io/v1/", "docker.io", true],
    ["https://index.docker.io/v1/", "registry-1.docker.io", true],
    ["docker.io", "index.docker.io", true],
    ["https://index.docker.io/v1/", "hub.docker.io", false],
  ])("the key %s is for %s: %s", async (key, host, expected) => {
    const h = home();
    h.write(".docker/config.json", { auths: { [key]: auth("a") } });
    expect(await found(h, host)).toEqual(expected ? user("a") : undefined);
  });

  it("podman's keys name a part of a registry, the longest one first", async () => {
    const h = home();
    const auths = {
      "reg.example": auth("all"),
      "reg.example/acme": auth("acme"),
      "reg.example/acme/x": auth("x"),
    };
    h.write(".config/containers/auth.json", { auths });
    expect(await found(h, "reg.example", "acme/x/y")).toEqual(user("x"));
    expect(await found(h, "reg.example", "acme/xx")).toEqual(user("acme"));
    expect(await found(h, "reg.example", "acmee")).toEqual(user("all"));
    expect(await found(h, "reg.example")).toEqual(user("all"));
  });
});

it("looks in the files in their order", async () => {
  const h = home();
  const files = [
    h.write("named.json", { auths: { r: auth("named") } }),
    h.write("docker/config.json", { auths: { r: auth("docker") } }),
    h.write("run/containers/auth.json", { auths: { r: auth("run") } }),
    h.write("conf/containers/auth.json", { auths: { r: auth("conf") } }),
    h.write(".dockercfg", { r: auth("old") }),
  ];
  const env = {
    REGISTRY_AUTH_FILE: files[0] as string,
    DOCKER_CONFIG: join(h.dir, "docker"),
    XDG_RUNTIME_DIR: join(h.dir, "run"),
    XDG_CONFIG_HOME: join(h.dir, "conf"),
  };
  for (const [i, name] of ["named", "docker", "run", "conf", "old"].entries()) {
    expect(await found(h, "r", undefined, env)).toEqual(user(name));
    writeFileSync(files[i] as string, "{}");
  }
  expect(await found(h, "r", undefined, env)).toBeUndefined();
});

it.each(["{", "[]", '{"auths":7}', `{"auths":{"r":{"auth":"${"s3cret".repeat(3)}"`])(
  "a broken file is named, and never quoted: %s",
  async (text) => {
    const h = home();
    const file = h.write(".docker/config.json", text);
    const error = await found(h, "r").catch((e: unknown) => e);
    expect(error).toMatchObject({ code: "CTXPACK_E_CONFIG" });
    expect((error as Error).message).toContain(file);
    expect(
      JSON.stringify([(error as Error).message, error, String((error as Error).cause)]),
    ).not.toContain("s3cret");
  },
);

describe("helpers", () => {
  const store = { credsStore: "keys", credHelpers: { "own.example": "own" } };

  it("are asked with the server on standard input, the host's own before the common one", async () => {
    const h = home();
    h.write(".docker/config.json", store);
    h.helper(
      "keys",
      `read s; echo "{\\"ServerURL\\":\\"$s\\",\\"Username\\":\\"$1 $s\\",\\"Secret\\":\\"pw\\"}"`,
    );
    h.helper("own", `echo '{"ServerURL":"","Username":"<token>","Secret":"it"}'`);
    expect(await found(h, "reg.example:5000")).toEqual(user("get reg.example:5000"));
    expect(await found(h, "docker.io")).toEqual(user("get https://index.docker.io/v1/"));
    expect(await found(h, "own.example")).toEqual({ kind: "identity", token: "it" });
  });

  it.each([
    ["on stdout", "echo 'credentials not found in native keychain'; exit 1"],
    ["on stderr", "echo 'credentials not found in native keychain' >&2; exit 1"],
    ["an empty secret", `echo '{"Username":"","Secret":""}'`],
  ])("one that has nothing is no error: %s", async (_, script) => {
    const h = home();
    h.write(".docker/config.json", { ...store, auths: { r: auth("file") } });
    h.helper("keys", script);
    expect(await found(h, "r")).toEqual(user("file"));
  });

  it.each<[string, string, RegExp]>([
    ["fails", "echo s3cret; exit 3", /docker-credential-keys get: it ends with 3/],
    ["answers nonsense", "echo s3cret", /its answer is no credential/],
    ["prints for ever", "yes s3cret", /more than 1 MiB/],
    ["never answers", "sleep 30", /no answer within 2 s/],
  ])(
    "one that %s is an error that tells nothing of what it printed",
    async (_, script, message) => {
      const h = home();
      h.write(".docker/config.json", store);
      h.helper("keys", script);
      const error = await found(h, "r").catch((e: unknown) => e);
      expect(error).toMatchObject({ code: "CTXPACK_E_CONFIG" });
      expect((error as Error).message).toMatch(message);
      expect(JSON.stringify([(error as Error).message, error])).not.toContain("s3cret");
    },
  );

  it("one that is not there, or whose name is none, is an error", async () => {
    const h = home();
    h.write(".docker/config.json", { credsStore: "absent" });
    await expect(found(h, "r")).rejects.toMatchObject({
      code: "CTXPACK_E_CONFIG",
      message: "the credential helper docker-credential-absent is not there",
    });
    h.write(".docker/config.json", { credsStore: "../../bin/sh; rm -rf" });
    await expect(found(h, "r")).rejects.toMatchObject({ code: "CTXPACK_E_CONFIG" });
  });

  it("an empty name takes a host out of the common store", async () => {
    const h = home();
    const credHelpers = { "reg.example": "" };
    h.write(".docker/config.json", { ...store, credHelpers, auths: { "reg.example": auth("a") } });
    expect(await found(h, "reg.example")).toEqual(user("a"));
  });

  it("what one has started does not keep the process", async () => {
    const h = home();
    h.helper("keys", `sleep 120 & echo $! > ${h.dir}/pid; wait`);
    onTestFinished(() => {
      process.kill(Number(readFileSync(join(h.dir, "pid"), "utf8")), "SIGKILL");
    });
    const program = `
      const { getFromHelper } = await import(${JSON.stringify(new URL("../../src/auth/helper.ts", import.meta.url).href)});
      await getFromHelper("keys", "r", { helperTimeoutMs: 2000 }).catch((e) => console.log(e.message));`;
    // Killed by the limit, it would be rejected: a bound on hanging, far above what it takes.
    const { stdout } = await promisify(execFile)(
      process.execPath,
      ["--conditions=@ctxpack/source", "--input-type=module", "-e", program],
      { env: h.env, timeout: 30_000 },
    );
    expect(stdout).toBe("docker-credential-keys get: no answer within 2 s\n");
  }, 60_000);

  it("an abort does not wait for one", async () => {
    const h = home();
    h.write(".docker/config.json", store);
    h.helper("keys", "sleep 30");
    const controller = new AbortController();
    const reason = new Error("enough");
    setTimeout(() => controller.abort(reason), 50);
    const provider = dockerConfigCredentials({ env: h.env });
    await expect(provider.get("r", { signal: controller.signal })).rejects.toBe(reason);
  });
});

describe("storing and erasing", () => {
  it("writes a file that only its owner reads, and keeps everything else in it", async () => {
    const h = home();
    h.write(".docker/config.json", { auths: { other: auth("o") }, currentContext: "x" });
    chmodSync(join(h.dir, ".docker/config.json"), 0o644);
    const { where } = await storeCredential("reg.example", user("a", "p:q"), { env: h.env });
    expect(where).toBe(join(h.dir, ".docker/config.json"));
    expect(statSync(where).mode & 0o777).toBe(0o600);
    expect(JSON.parse(readFileSync(where, "utf8"))).toEqual({
      auths: { other: auth("o"), "reg.example": auth("a", "p:q") },
      currentContext: "x",
    });
    expect(await found(h, "reg.example")).toEqual(user("a", "p:q"));
    expect(await eraseCredential("reg.example", { env: h.env })).toEqual({ where: [where] });
    expect(await eraseCredential("reg.example", { env: h.env })).toEqual({ where: [] });
    expect(await found(h, "other")).toEqual(user("o"));
  });

  it.each([
    ["reg.example", "https://reg.example"],
    ["reg.example", "https://reg.example/v1/"],
    ["reg.example", "REG.example"],
    ["docker.io", "docker.io"],
    ["docker.io", "registry-1.docker.io"],
  ])("what is stored for %s is found, not what %s had before", async (host, before) => {
    const h = home();
    h.write(".docker/config.json", {
      auths: { [before]: auth("old"), "x.reg.example": auth("x") },
    });
    await storeCredential(host, user("new"), { env: h.env });
    expect(await found(h, host)).toEqual(user("new"));
    expect(await found(h, "x.reg.example")).toEqual(user("x"));
  });

  it("makes the folder, and leaves a link where it is", async () => {
    const h = home();
    const { where } = await storeCredential("r", user("a"), { env: h.env });
    expect(statSync(join(where, "..")).mode & 0o777).toBe(0o700);
    const target = h.write("elsewhere/config.json", {});
    const link = join(h.dir, "linked");
    mkdirSync(link);
    symlinkSync(target, join(link, "config.json"));
    await storeCredential("r", user("b"), { env: { ...h.env, DOCKER_CONFIG: link } });
    expect(lstatSync(join(link, "config.json")).isSymbolicLink()).toBe(true);
    expect(readFileSync(target, "utf8")).toContain("auths");
  });

  it("uses the helper that the file names", async () => {
    const h = home();
    h.write(".docker/config.json", { credsStore: "keys" });
    const kept = join(h.dir, "kept");
    h.helper(
      "keys",
      `case $1 in store) cat > ${kept};; get) test -f ${kept} && cat ${kept} || { echo "credentials not found in native keychain"; exit 1; };; erase) rm ${kept};; esac`,
    );
    const { where } = await storeCredential("docker.io", user("a"), { env: h.env });
    expect(where).toBe("docker-credential-keys");
    expect(JSON.parse(readFileSync(kept, "utf8"))).toEqual({
      ServerURL: "https://index.docker.io/v1/",
      Username: "a",
      Secret: "pw",
    });
    expect(readFileSync(join(h.dir, ".docker/config.json"), "utf8")).not.toContain("auths");
    expect(await eraseCredential("docker.io", { env: h.env })).toEqual({
      where: ["docker-credential-keys"],
    });
    expect(existsSync(kept)).toBe(false);
  });
});
