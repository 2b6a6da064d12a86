// What a person reads when a registry cannot be used: the first line, what to do, and the exit code.
import { mkdirSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import {
  type Faults,
  makeCertificates,
  missingProgram,
  startDockerRegistry,
  startFaultRegistry,
} from "@ctxpack/test-tools";
import { beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { cleanUp, type Done, result, run, scratch } from "./run.ts";

cleanUp();

let cwd: string;
let uri: string;

beforeAll(async () => {
  cwd = scratch();
  mkdirSync(join(cwd, "out"));
  writeFileSync(join(cwd, "out/a.txt"), "hello");
  writeFileSync(join(cwd, "c.json"), '{"transforms":[{"tool":"t"}]}');
  uri = await result(["seed", "out", "--contract", "c.json"], { cwd });
});

const PASSWORD = "s3cret-password";

function userConfig(registries: object): Record<string, string> {
  const home = scratch();
  mkdirSync(join(home, "ctxpack"));
  writeFileSync(join(home, "ctxpack/config.json"), JSON.stringify({ registries }));
  return { XDG_CONFIG_HOME: home };
}

function account(host: string, password = PASSWORD): Record<string, string> {
  const home = scratch();
  const auth = Buffer.from(`alice:${password}`).toString("base64");
  writeFileSync(join(home, "config.json"), JSON.stringify({ auths: { [host]: { auth } } }));
  return { DOCKER_CONFIG: home };
}

async function faulty(faults: Faults): Promise<string> {
  const server = await startFaultRegistry({ ...faults, users: { alice: PASSWORD } });
  onTestFinished(() => server[Symbol.asyncDispose]());
  return server.host;
}

/** Both directions, each with an empty or a full store. */
async function both(host: string, env: Record<string, string> = {}): Promise<Done[]> {
  const pantry = `${host}/acme/packs`;
  const pushed = await run(["push", uri, "--to", pantry], { cwd, env });
  const empty = { ...env, CTXPACK_CACHE_DIR: scratch() };
  return [pushed, await run(["pull", uri, "--from", pantry], { cwd, env: empty })];
}

function expectSaid(done: Done, host: string, code: number, error: RegExp, hint: RegExp): void {
  const said = done.stderr.replaceAll(host, "HOST");
  expect(done.stdout).toBe("");
  expect(said).toMatch(error);
  expect(said).toMatch(hint);
  expect(done.code).toBe(code);
  expect(done.stderr).not.toContain(PASSWORD);
  expect(done.stderr).not.toContain(Buffer.from(`alice:${PASSWORD}`).toString("base64"));
}

const ANY = /^/;

test("nobody listens", async () => {
  const host = "127.0.0.1:1";
  for (const done of await both(host)) {
    expectSaid(
      done,
      host,
      7,
      /^error: HOST: connection refused \(ECONNREFUSED\)$/m,
      /^hint: check the host and port, and whether the registry runs$/m,
    );
  }
});

test("the name does not resolve", async () => {
  const host = "registry.invalid";
  for (const done of await both(host)) {
    expectSaid(
      done,
      host,
      7,
      /^error: HOST: the name does not resolve( now)? \((ENOTFOUND|EAI_AGAIN)\)$/m,
      /^hint: check the (spelling of the host|network)/m,
    );
  }
});

test("401: nobody has logged in", async () => {
  const host = await faulty({ auth: "basic" });
  for (const done of await both(host)) {
    expectSaid(
      done,
      host,
      4,
      /^error: HOST: it wants to know who asks, and there are no credentials for it$/m,
      /^hint: ctxpack login HOST$/m,
    );
  }
});

test.each(["basic", "bearer"] as const)("401: the wrong password (%s)", async (auth) => {
  const host = await faulty({ auth });
  for (const done of await both(host, account(host, "not-the-pa55word"))) {
    expectSaid(done, host, 4, /^error: /m, /^hint: ctxpack login HOST$/m);
    expect(done.stderr).not.toMatch(
      new RegExp(`pa55word|${Buffer.from("alice:not-the-pa55word").toString("base64")}`),
    );
  }
});

test("403", async () => {
  const host = await faulty({
    auth: "basic",
    serverErrors: { times: Infinity, status: 403, on: /manifests|blobs/ },
  });
  // Credentials that are taken, and an account that may not.
  for (const done of await both(host, account(host))) {
    expectSaid(
      done,
      host,
      4,
      /^error: GET http:\/\/HOST\/v2\/acme\/packs\/manifests\/ctx-[0-9a-f]{64}: 403/m,
      /^hint: the account may not (pull|push) there: ask the owner of HOST\/acme\/packs for the right, or ctxpack login HOST with another account$/m,
    );
  }
});

test("404: nobody has pushed it", async () => {
  const host = await faulty({});
  const [, pulled] = await both(await faulty({ serverErrors: { times: Infinity, status: 404 } }));
  expect(pulled?.code).toBe(3);
  const done = await run(["pull", uri, "--from", `${host}/acme/packs`], {
    cwd,
    env: { CTXPACK_CACHE_DIR: scratch() },
  });
  expectSaid(
    done,
    host,
    3,
    /^error: ctx:\/\/sha256:[0-9a-f]{64} is not in HOST\/acme\/packs$/m,
    /^hint: /m,
  );
});

test("429, with more patience asked for than there is", async () => {
  const host = await faulty({ rateLimit: { times: Infinity, retryAfter: 3600 } });
  for (const done of await both(host)) {
    expectSaid(
      done,
      host,
      7,
      /^error: GET http:\/\/HOST\/.*: 429.*; it asks to wait 3600 s$/m,
      /^hint: try again in 3600 s$/m,
    );
  }
});

test("500", async () => {
  const host = await faulty({ serverErrors: { times: Infinity, status: 500 } });
  for (const done of await both(host)) {
    expectSaid(
      done,
      host,
      7,
      /^error: GET http:\/\/HOST\/.*: 500/m,
      /^hint: the registry is in trouble: try again later$/m,
    );
  }
});

test("a page of HTML where a manifest should be", async () => {
  const server = createServer((_, response) => {
    response.writeHead(200, { "content-type": "text/html" }).end("<html>log in</html>");
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => void server.close());
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  for (const done of await both(host)) {
    expectSaid(
      done,
      host,
      5,
      /^error: HOST\/acme\/packs:ctx-[0-9a-f]{64} is text\/html, not a manifest$/m,
      /^hint: a proxy or login page answers in place of the registry$/m,
    );
  }
});

test("offline", async () => {
  const host = "registry.invalid";
  for (const done of await both(host, { CTXPACK_OFFLINE: "1" })) {
    expectSaid(
      done,
      host,
      7,
      /^error: HOST was not asked: offline is set$/m,
      /^hint: unset CTXPACK_OFFLINE/m,
    );
  }
});

test("a registry that does not take the config's type names the setting", async () => {
  const host = await faulty({ refuseConfigType: "application/vnd.ctxpack.contract.v1+json" });
  const [pushed] = await both(host);
  expectSaid(
    pushed as Done,
    host,
    2,
    /^error: HOST\/acme\/packs does not take the pack's manifest: /m,
    /allow application\/vnd\.ctxpack\.contract\.v1\+json there/m,
  );
});

test("--json has the same as an object", async () => {
  const host = await faulty({ auth: "basic" });
  const done = await run(["push", uri, "--to", `${host}/acme/packs`, "--json"], { cwd });
  expect(JSON.parse(done.stdout)).toMatchObject({
    error: { code: "CTXPACK_E_AUTH", hint: `ctxpack login ${host}` },
  });
});

describe.skipIf(missingProgram("docker-registry", "openssl"))("TLS", () => {
  test("a certificate that nobody here trusts, and one for which the setting is there", async () => {
    const { ca, server: pair } = await makeCertificates();
    const server = await startDockerRegistry({ tls: pair });
    onTestFinished(() => server[Symbol.asyncDispose]());
    for (const done of await both(server.host)) {
      expectSaid(
        done,
        server.host,
        7,
        /^error: HOST: its certificate is not trusted \([A-Z_]+\)$/m,
        /^hint: name the CA that signed it as "ca" in the registry's settings, or in NODE_EXTRA_CA_CERTS$/m,
      );
    }
    const home = scratch();
    writeFileSync(join(home, "ca.pem"), ca);
    for (const done of await both(
      server.host,
      userConfig({ [server.host]: { ca: join(home, "ca.pem") } }),
    )) {
      expect(done.code, done.stderr).toBe(0);
    }
  });

  test("plain http where TLS is meant", async () => {
    const host = await faulty({});
    for (const done of await both(host, userConfig({ [host]: { plainHttp: false } }))) {
      expectSaid(
        done,
        host,
        7,
        /^error: HOST: it speaks no TLS there/m,
        /^hint: a registry without TLS needs "plainHttp": true in its settings$/m,
      );
    }
  });
});

test("a project's file that takes protection away is refused before anything is sent", async () => {
  const project = scratch();
  writeFileSync(
    join(project, "ctxpack.config.json"),
    JSON.stringify({ registries: { "registry.example": { plainHttp: true } } }),
  );
  const done = await run(["pull", uri, "--from", "registry.example/p"], { cwd: project });
  expectSaid(done, "registry.example", 2, /takes away what protects your credentials/, ANY);
});
