// Debian's registry in each of its configurations, and skopeo and umoci beside us.
import { execFile } from "node:child_process";
import { createCipheriv } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { bytesSource, copyGraph, type Descriptor, OciLayout } from "@ctxpack/oci";
import {
  type Credential,
  type RegistryOptions,
  type Repository,
  staticCredentials,
} from "@ctxpack/oci/remote";
import {
  makeCertificates,
  missingProgram,
  scratchFolder,
  startDockerRegistry,
  startNginx,
} from "@ctxpack/test-tools";
import { describe, expect, it, onTestFinished } from "vitest";
import { describe as describeBlob, failure, MiB, noise, open } from "./fixture.ts";

const run = promisify(execFile);
const MANIFEST = "application/vnd.oci.image.manifest.v1+json";
/** 1 GB instead of 50 MB. */
const LARGE = process.env["CTXPACK_TEST_LARGE"] === "1";
const BLOBS = LARGE ? 400 : 20;

const SIZE = 2_500_000;
const ZEROS = Buffer.alloc(SIZE);
/** Made anew each time, because 1 GB of them is not held, and so by what is quick: a cipher over zeros. */
function part(i: number): Buffer {
  const start = Buffer.alloc(16);
  start.writeUInt32BE(i + 1);
  return createCipheriv("aes-128-ctr", Buffer.alloc(16, 7), start).update(ZEROS);
}
const layers = Array.from({ length: BLOBS }, (_, i) =>
  describeBlob(part(i), "application/vnd.example.part"),
);
const parts = new Map(layers.map(({ digest }, i) => [digest, i]));
const config = Buffer.from('{"made":"for a test"}');
const manifest = Buffer.from(
  JSON.stringify({
    schemaVersion: 2,
    mediaType: MANIFEST,
    artifactType: "application/vnd.example.pack",
    config: describeBlob(config, "application/vnd.example.config+json"),
    layers,
  }),
);
const root = describeBlob(manifest, MANIFEST);

/** Everything of the artifact. */
const source = {
  exists: async (): Promise<boolean> => true,
  async *fetch(
    d: Descriptor,
    options: { range?: { offset: number; length: number } | undefined } = {},
  ) {
    const i = parts.get(d.digest);
    const bytes = i !== undefined ? part(i) : d.digest === root.digest ? manifest : config;
    const { offset = 0, length = bytes.length } = options.range ?? {};
    yield bytes.subarray(offset, offset + length);
  },
};

async function pushAll(to: Repository): Promise<void> {
  await copyGraph(source, to, root, { concurrency: 8 });
  await to.tag(root, "v1", { expected: null });
}

async function pullAll(from: Repository): Promise<void> {
  using scratch = scratchFolder();
  const layout = await OciLayout.open(join(scratch.path, "layout"), { create: true });
  expect((await from.resolve("v1")).digest).toBe(root.digest);
  await copyGraph(from, layout, root, { concurrency: 8 });
  for (const [i, layer] of layers.entries()) {
    expect(Buffer.compare(readFileSync(layout.blobPath(layer)), part(i))).toBe(0);
  }
}

function own<T extends AsyncDisposable>(made: T): T {
  onTestFinished(() => made[Symbol.asyncDispose]());
  return made;
}

const patient: RegistryOptions = { timeouts: {}, retry: {} };
const account = (host: string, username: string, password: string): RegistryOptions => ({
  ...patient,
  credentials: staticCredentials({ [host]: { kind: "basic", username, password } as Credential }),
});

describe.skipIf(missingProgram("docker-registry", "htpasswd", "openssl"))("docker-registry", () => {
  it("plain", async () => {
    const server = own(await startDockerRegistry());
    const repository = open(server.host, patient).repository("acme/packs");
    await pushAll(repository);
    await pullAll(repository);
    // All of it is there: nothing is sent.
    const again = await copyGraph(source, repository, root);
    expect(again.copied.blobs).toBe(0);
    // Another repository of the same registry is not sent it: it is mounted.
    const other = open(server.host, patient).repository("acme/other");
    let sent = 0;
    await copyGraph(repository, other, root, {
      onProgress: ({ phase, done }) => {
        if (phase === "blob") sent = Math.max(sent, done);
      },
    });
    expect(sent).toBe(0);
    await other.tag(root, "v1");
    await pullAll(other);
  });

  it("with relative locations", async () => {
    const server = own(await startDockerRegistry({ relativeUrls: true }));
    const repository = open(server.host, patient).repository("acme/packs");
    await pushAll(repository);
    await pullAll(repository);
  });

  it("with a password file", async () => {
    const auth = { kind: "htpasswd", user: "alice", password: "s3cret" } as const;
    const server = own(await startDockerRegistry({ auth }));
    const repository = open(server.host, account(server.host, "alice", "s3cret")).repository(
      "acme/packs",
    );
    await pushAll(repository);
    await pullAll(repository);
    for (const options of [patient, account(server.host, "alice", "wrong")]) {
      const error = await failure(
        open(server.host, options).repository("acme/packs").resolve("v1"),
      );
      expect(error.code).toBe("CTXPACK_E_AUTH");
    }
  });

  it("with tokens", async () => {
    const server = own(await startDockerRegistry({ auth: { kind: "token" } }));
    const repository = open(server.host, account(server.host, "bob", "pw")).repository(
      "acme/packs",
    );
    await copyGraph(source, repository, root, { concurrency: 1 });
    await repository.tag(root, "v1");
    await pullAll(repository);
    expect(server.tokenServer?.calls.length).toBeGreaterThan(1);
    const error = await failure(open(server.host, patient).repository("acme/packs").resolve("v1"));
    expect(error.code).toBe("CTXPACK_E_AUTH");
  });

  it("with TLS, and with a client certificate", async () => {
    const { ca, server: pair, client } = await makeCertificates();
    const server = own(await startDockerRegistry({ tls: pair }));
    const repository = open(server.host, { ...patient, tls: { ca } }).repository("acme/packs");
    await pushAll(repository);
    await pullAll(repository);
    const distrusting = await failure(open(server.host, patient).ping());
    expect(distrusting).toMatchObject({
      code: "CTXPACK_E_UNAVAILABLE",
      message: expect.stringContaining("its certificate is not trusted"),
    });
    await open(server.host, { ...patient, tls: { insecure: true } }).ping();
    const strict = own(await startDockerRegistry({ tls: { ...pair, clientCa: ca } }));
    const known = open(strict.host, { ...patient, tls: { ca, ...client } }).repository(
      "acme/packs",
    );
    await pushAll(known);
    await pullAll(known);
    expect((await failure(open(strict.host, { ...patient, tls: { ca } }).ping())).code).toBe(
      "CTXPACK_E_UNAVAILABLE",
    );
  });

  it("that passes on what another one has", async () => {
    const upstream = own(await startDockerRegistry());
    await pushAll(open(upstream.host, patient).repository("acme/packs"));
    const server = own(await startDockerRegistry({ proxyOf: upstream.origin }));
    const repository = open(server.host, patient).repository("acme/packs");
    await pullAll(repository);
    const error = await failure(repository.push(describeBlob(noise(10)), bytesSource(noise(10))));
    expect(error.code).toBe("CTXPACK_E_UNSUPPORTED");
  });

  it.skipIf(missingProgram("nginx"))(
    "behind nginx that takes small bodies, and that limits",
    async () => {
      const upstream = own(await startDockerRegistry());
      const small = own(await startNginx(upstream.origin, { maxBody: MiB }));
      const pieces = open(small.host, patient).repository("acme/packs");
      await pushAll(pieces);
      await pullAll(pieces);
      // More requests are refused than a registry would refuse: more attempts than usual.
      const limits = { requestsPerSecond: LARGE ? 600 : 50, burst: LARGE ? 100 : 10 };
      const limited = own(await startNginx(upstream.origin, limits));
      const slow = open(limited.host, { retry: { attempts: 20 }, timeouts: {} });
      await pushAll(slow.repository("acme/slowly"));
      await pullAll(slow.repository("acme/slowly"));
    },
  );

  it.skipIf(missingProgram("skopeo", "umoci"))(
    "skopeo reads and copies ours, and we its",
    async () => {
      using scratch = scratchFolder();
      const server = own(await startDockerRegistry());
      const registry = open(server.host, patient);
      await pushAll(registry.repository("acme/packs"));
      const name = (repository: string): string => `docker://${server.host}/${repository}:v1`;
      const raw = await run(
        "skopeo",
        ["inspect", "--tls-verify=false", "--raw", name("acme/packs")],
        { maxBuffer: 16 * MiB },
      );
      expect(raw.stdout).toBe(manifest.toString());
      await run("skopeo", [
        "copy",
        "--src-tls-verify=false",
        "--dest-tls-verify=false",
        "--preserve-digests",
        name("acme/packs"),
        name("copied/packs"),
      ]);
      await pullAll(registry.repository("copied/packs"));
      const layout = await OciLayout.open(join(scratch.path, "layout"), { create: true });
      await copyGraph(registry.repository("copied/packs"), layout, root);
      await layout.tag(root, "v1");
      expect((await run("umoci", ["ls", "--layout", layout.dir])).stdout.trim()).toBe("v1");
      await run("skopeo", [
        "copy",
        "--dest-tls-verify=false",
        "--preserve-digests",
        `oci:${layout.dir}:v1`,
        name("from/layout"),
      ]);
      await pullAll(registry.repository("from/layout"));
      writeFileSync(
        join(scratch.path, "tags"),
        (
          await run("skopeo", [
            "list-tags",
            "--tls-verify=false",
            `docker://${server.host}/acme/packs`,
          ])
        ).stdout,
      );
      expect(JSON.parse(readFileSync(join(scratch.path, "tags"), "utf8")).Tags).toEqual(["v1"]);
    },
  );
});
