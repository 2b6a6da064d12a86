import { createServer } from "node:net";
import {
  bytesSource,
  type Descriptor,
  type FetchOptions,
  OciLayout,
  pushBytes,
  type ReadOnlyStorage,
  type ReferrerLister,
} from "@ctxpack/oci";
import { Registry } from "@ctxpack/oci/remote";
import { attachBundle, discoverBundles, PROVENANCE_TYPE } from "@ctxpack/proof";
import {
  type FaultRegistry,
  missingProgram,
  scratchFolder,
  startDockerRegistry,
} from "@ctxpack/test-tools";
import { describe, expect, it, onTestFinished } from "vitest";
import {
  attachAsCosign,
  attachAsGitHub,
  BUNDLE_TYPE,
  digestOf,
  discover,
  encode,
  faulty,
  open,
  plain,
  proofOf,
  pushManifest,
  pushPack,
} from "./fixture.ts";

const NEVER = { times: Number.POSITIVE_INFINITY, status: 503 };

it("nothing attached is nothing", async () => {
  const { repository } = await faulty();
  const pack = await pushPack(repository);
  expect(await discover(repository, pack)).toEqual({ found: [], refused: [] });
});

it("what cosign and GitHub attached is found; a list of files and a signature in the old form are not proofs", async () => {
  const { repository } = await faulty();
  const pack = await pushPack(repository);
  const [cosigns, githubs] = [await proofOf(pack, "cosign"), await proofOf(pack, "github")];
  await attachAsCosign(repository, pack, cosigns);
  await attachAsGitHub(repository, pack, githubs);
  const files = { artifactType: "application/vnd.ctxpack.files.v1", subject: plain(pack) };
  await pushManifest(repository, files);
  const { found, refused } = await discover(repository, pack);
  expect(found.map(({ digest }) => digest).sort()).toEqual([cosigns, githubs].map(digestOf).sort());
  expect(refused).toEqual([]);
});

it("a list that lies about types hides nothing", async () => {
  const { server, repository } = await faulty({ referrers: false, ociSubject: false });
  const pack = await pushPack(repository);
  const proof = await proofOf(pack);
  const attached = await attachAsGitHub(repository, pack, proof);
  const index = {
    schemaVersion: 2,
    mediaType: "application/vnd.oci.image.index.v1+json",
    manifests: [{ ...plain(attached), artifactType: "application/vnd.example.sbom" }],
  };
  server.putManifest("acme/packs", index, `sha256-${pack.digest.slice(7)}`);
  expect((await discover(open(server.host), pack)).found.map(({ digest }) => digest)).toEqual([
    digestOf(proof),
  ]);
});

it("one bundle in two referrers comes once", async () => {
  const { repository } = await faulty();
  const pack = await pushPack(repository);
  const proof = await proofOf(pack);
  await attachAsGitHub(repository, pack, proof);
  await attachAsCosign(repository, pack, proof);
  expect((await discover(repository, pack)).found).toHaveLength(1);
});

describe("what cannot be read is told, and does not hide the rest", () => {
  /** A pack with a good proof and something else that is attached to it. */
  const beside = async (
    attach: (
      at: Awaited<ReturnType<typeof faulty>> & { readonly pack: Descriptor },
    ) => Promise<unknown>,
  ) => {
    const at = await faulty({ referrers: false, ociSubject: false });
    const pack = await pushPack(at.repository);
    const good = await proofOf(pack, "good");
    await attachAsGitHub(at.repository, pack, good);
    await attach({ ...at, pack });
    const { found, refused } = await discover(open(at.server.host), pack);
    expect(found.map(({ digest }) => digest)).toEqual([digestOf(good)]);
    return refused;
  };

  /** Puts a descriptor into the list under the tag, where anybody who may push can. */
  const list = (server: FaultRegistry, pack: Descriptor, d: Descriptor) => {
    const tag = `sha256-${pack.digest.slice(7)}`;
    const digest = server.tags("acme/packs").get(tag) ?? "";
    const index = JSON.parse(String(server.manifests("acme/packs").get(digest)));
    index.manifests.push(d);
    server.putManifest("acme/packs", index, tag);
  };
  const listed = { artifactType: BUNDLE_TYPE };

  it("a proof of another pack in the list of this one", async () => {
    const refused = await beside(async ({ server, repository, pack }) => {
      const other = await pushPack(repository, "other");
      const stray = await attachAsGitHub(repository, other, await proofOf(other));
      list(server, pack, { ...plain(stray), ...listed });
    });
    expect(refused).toMatchObject([
      {
        digest: undefined,
        code: "CTXPACK_E_PROOF_SUBJECT",
        message: expect.stringMatching(
          /^referrer sha256:\w+ is listed for sha256:\w+ and refers to/,
        ),
      },
    ]);
  });

  it("one that refers to nothing", async () => {
    const refused = await beside(async ({ server, repository, pack }) => {
      const layer = await pushBytes(repository, BUNDLE_TYPE, encode("{}"));
      const stray = await pushManifest(repository, { ...listed, layers: [plain(layer)] });
      list(server, pack, { ...plain(stray), ...listed });
    });
    expect(refused[0]?.message).toMatch(/refers to nothing$/);
  });

  it("one without a layer, one with two, one whose layer is something else", async () => {
    const refused = await beside(async ({ repository, pack }) => {
      const layer = plain(await pushBytes(repository, BUNDLE_TYPE, encode("{}")));
      const text = plain(await pushBytes(repository, "text/plain", encode("x")));
      for (const layers of [[], [layer, layer], [text]]) {
        await pushManifest(repository, { ...listed, layers, subject: plain(pack) });
      }
    });
    expect(refused.map(({ code }) => code)).toEqual(Array(3).fill("CTXPACK_E_PROOF_BUNDLE"));
    expect(refused.map(({ message }) => /has (\d) layers/.exec(message)?.[1]).sort()).toEqual([
      "0",
      "1",
      "2",
    ]);
  });

  it("one that is gone", async () => {
    const refused = await beside(async ({ server, pack }) => {
      const gone = { digest: `sha256:${"d".repeat(64)}`, size: 700 } as const;
      list(server, pack, {
        mediaType: "application/vnd.oci.image.manifest.v1+json",
        ...gone,
        ...listed,
      });
    });
    expect(refused).toMatchObject([
      { code: "CTXPACK_E_PROOF_BUNDLE", message: expect.stringMatching(/sha256:d{64}/) },
    ]);
  });

  it("one that is no manifest", async () => {
    const refused = await beside(async ({ server, pack }) => {
      const bytes = Buffer.from("no manifest");
      server.putManifest("acme/packs", bytes);
      const mediaType = "application/vnd.oci.image.manifest.v1+json";
      list(server, pack, { mediaType, digest: digestOf(bytes), size: bytes.length, ...listed });
    });
    expect(refused).toMatchObject([{ digest: undefined, code: "CTXPACK_E_PROOF_BUNDLE" }]);
  });

  it("a manifest that is too long to be a referrer's", async () => {
    const refused = await beside(({ repository, pack }) =>
      pushManifest(repository, {
        ...listed,
        subject: plain(pack),
        annotations: { long: "x".repeat(200_000) },
      }),
    );
    expect(refused[0]?.message).toMatch(/at most 131072 are read/);
  });

  it("a bundle that says it is huge is not fetched", async () => {
    let requests: FaultRegistry["requests"] = [];
    const digest = `sha256:${"e".repeat(64)}`;
    const refused = await beside(async ({ server, pack }) => {
      requests = server.requests;
      const manifest = {
        schemaVersion: 2,
        mediaType: "application/vnd.oci.image.manifest.v1+json",
        artifactType: BUNDLE_TYPE,
        config: { mediaType: "application/vnd.oci.empty.v1+json", digest, size: 2 },
        layers: [{ mediaType: BUNDLE_TYPE, digest, size: (4 << 20) + 1 }],
        subject: plain(pack),
      };
      const bytes = Buffer.from(JSON.stringify(manifest));
      server.putManifest("acme/packs", bytes);
      list(server, pack, {
        mediaType: manifest.mediaType,
        digest: digestOf(bytes),
        size: bytes.length,
        ...listed,
      });
    });
    expect(refused).toMatchObject([
      {
        digest,
        code: "CTXPACK_E_PROOF_BUNDLE",
        message: expect.stringMatching(/claims 4194305 bytes/),
      },
    ]);
    expect(requests.filter(({ url }) => url.includes(digest))).toEqual([]);
  });

  it("a bundle that is named by another digest than sha256", async () => {
    const refused = await beside(({ server, pack }) => {
      const digest = `sha512:${"e".repeat(128)}`;
      const manifest = {
        schemaVersion: 2,
        mediaType: "application/vnd.oci.image.manifest.v1+json",
        artifactType: BUNDLE_TYPE,
        config: { mediaType: "application/vnd.oci.empty.v1+json", digest, size: 2 },
        layers: [{ mediaType: BUNDLE_TYPE, digest, size: 100 }],
        subject: plain(pack),
      };
      const bytes = Buffer.from(JSON.stringify(manifest));
      server.putManifest("acme/packs", bytes);
      const { mediaType } = manifest;
      list(server, pack, { mediaType, digest: digestOf(bytes), size: bytes.length, ...listed });
      return Promise.resolve();
    });
    expect(refused[0]?.message).toMatch(/not named by a sha256/);
  });

  it("a bundle whose bytes are others", async () => {
    const { server, repository } = await faulty();
    const pack = await pushPack(repository);
    await attachAsGitHub(repository, pack, await proofOf(pack));
    server.faults.corruptByteAt = 3;
    const { found, refused } = await discover(open(server.host), pack);
    expect(found).toEqual([]);
    expect(refused).toMatchObject([{ code: "CTXPACK_E_PROOF_BUNDLE" }]);
  });
});

describe("a registry that fails is not a pack without proofs", () => {
  it.each([
    ["its list", /\/referrers\//, "CTXPACK_E_UNAVAILABLE"],
    ["a referrer", /GET .*\/manifests\/sha256:/, "CTXPACK_E_UNAVAILABLE"],
    ["a bundle", /GET .*\/blobs\//, "CTXPACK_E_UNAVAILABLE"],
  ])("when it does not give %s", async (_, on, code) => {
    const { server, repository } = await faulty();
    const pack = await pushPack(repository);
    await attachAsGitHub(repository, pack, await proofOf(pack));
    server.faults.serverErrors = { ...NEVER, on };
    await expect(discover(open(server.host), pack)).rejects.toMatchObject({ code });
  });

  it("when nobody is there", async () => {
    const { repository } = await faulty();
    const pack = await pushPack(repository);
    await expect(discover(open("127.0.0.1:1"), pack)).rejects.toMatchObject({
      code: "CTXPACK_E_UNAVAILABLE",
    });
  });

  it("when it wants to know who asks", async () => {
    const { server, repository } = await faulty();
    const pack = await pushPack(repository);
    server.faults.auth = "basic";
    await expect(discover(open(server.host), pack)).rejects.toMatchObject({
      code: "CTXPACK_E_AUTH",
    });
  });
});

describe("a flood of referrers", () => {
  /** A thousand of them, as whoever may push can attach them; what they call themselves. */
  const flood = (server: FaultRegistry, pack: Descriptor, created: string, type = BUNDLE_TYPE) => {
    for (let n = 0; n < 1000; n++) {
      const junk = `{"junk":${n}}`;
      const digest = server.putBlob("acme/packs", junk);
      server.putManifest("acme/packs", {
        schemaVersion: 2,
        mediaType: "application/vnd.oci.image.manifest.v1+json",
        artifactType: type,
        config: { mediaType: "application/vnd.oci.empty.v1+json", digest, size: junk.length },
        layers: [{ mediaType: type, digest, size: junk.length }],
        subject: plain(pack),
        annotations: {
          "dev.sigstore.bundle.predicateType": PROVENANCE_TYPE,
          "org.opencontainers.image.created": created,
        },
      });
    }
  };
  const requestsFor = ({ requests }: FaultRegistry, from: number) =>
    requests.slice(from).filter(({ url }) => /\/(?:manifests|blobs)\//.test(url)).length;

  it("that does not say it is newer does not hide the proof: it comes first", async () => {
    const { server, repository } = await faulty();
    const pack = await pushPack(repository);
    const proof = await proofOf(pack);
    await attachBundle(repository, pack, proof);
    flood(server, pack, "2020-01-01T00:00:00Z");
    for await (const one of discoverBundles(open(server.host), pack)) {
      expect(one.digest).toBe(digestOf(proof));
      break;
    }
  });

  it("of other things does not hide it, either", async () => {
    const { server, repository } = await faulty();
    const pack = await pushPack(repository);
    const proof = await proofOf(pack);
    await attachBundle(repository, pack, proof);
    flood(server, pack, "2030-01-01T00:00:00Z", "application/vnd.example.junk");
    const from = server.requests.length;
    const { found, refused } = await discover(open(server.host), pack);
    expect(found.map(({ digest }) => digest)).toEqual([digestOf(proof)]);
    expect(refused).toEqual([
      {
        digest: undefined,
        code: "CTXPACK_E_PROOF_BUNDLE",
        message: `${pack.digest} has 1001 referrers; only 256 were read`,
      },
    ]);
    expect(requestsFor(server, from)).toBeLessThan(600);
  });

  it("that does is cut off, and told", async () => {
    const { server, repository } = await faulty();
    const pack = await pushPack(repository);
    await attachBundle(repository, pack, await proofOf(pack));
    flood(server, pack, "9999-01-01T00:00:00Z");
    const from = server.requests.length;
    const { found, refused } = await discover(open(server.host), pack);
    // Junk is found like anything else: verification tells it from proofs.
    expect(found).toHaveLength(256);
    expect(refused).toHaveLength(1);
    expect(requestsFor(server, from)).toBeLessThan(600);
    const more = await discover(open(server.host), pack, { limits: { referrers: 2000 } });
    expect(more.found).toHaveLength(1001);
  });

  it("of more than a list may have is no list without end", async () => {
    const { server, repository } = await faulty();
    const pack = await pushPack(repository);
    flood(server, pack, "2020-01-01T00:00:00Z");
    flood(server, pack, "2021-01-01T00:00:00Z");
    const { found, refused } = await discover(open(server.host), pack);
    expect(found).toHaveLength(256);
    expect(refused[0]?.message).toMatch(/has 1024 or more referrers; only 256 were read/);
  });
});

/** A target that counts what is read at a time, and can take its time. */
class Slow implements ReadOnlyStorage, ReferrerLister {
  readonly #target: ReadOnlyStorage & ReferrerLister;
  readonly #ms: number;
  running = 0;
  most = 0;
  started = 0;

  constructor(target: ReadOnlyStorage & ReferrerLister, ms: number) {
    this.#target = target;
    this.#ms = ms;
  }

  exists(d: Descriptor): Promise<boolean> {
    return this.#target.exists(d);
  }

  referrers(subject: Descriptor): AsyncIterable<Descriptor> {
    return this.#target.referrers(subject);
  }

  async *fetch(d: Descriptor, options: FetchOptions = {}): AsyncGenerator<Uint8Array> {
    this.started++;
    this.most = Math.max(this.most, ++this.running);
    try {
      const { promise, resolve } = Promise.withResolvers<void>();
      const timer = setTimeout(resolve, this.#ms);
      options.signal?.addEventListener("abort", () => resolve());
      await promise;
      clearTimeout(timer);
      options.signal?.throwIfAborted();
      yield* this.#target.fetch(d, options);
    } finally {
      this.running--;
    }
  }
}

describe("how it is read", () => {
  const many = async (count: number) => {
    const { repository } = await faulty();
    const pack = await pushPack(repository);
    for (let n = 0; n < count; n++)
      await attachAsGitHub(repository, pack, await proofOf(pack, `${n}`));
    return { repository, pack };
  };

  it("eight at a time, no more", async () => {
    const { repository, pack } = await many(20);
    const slow = new Slow(repository, 20);
    expect((await discover(slow, pack)).found).toHaveLength(20);
    expect(slow.most).toBe(8);
    const one = new Slow(repository, 1);
    await discover(one, pack, { limits: { concurrency: 1 } });
    expect(one.most).toBe(1);
  });

  it("no further than somebody wants to know", async () => {
    const { repository, pack } = await many(20);
    const slow = new Slow(repository, 20);
    for await (const _ of discoverBundles(slow, pack)) break;
    const started = slow.started;
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(slow.started).toBe(started);
    expect(slow.running).toBe(0);
    expect(started).toBeLessThanOrEqual(20);
  });

  it("until the deadline", async () => {
    const { repository, pack } = await many(1);
    const slow = new Slow(repository, 60_000);
    await expect(discover(slow, pack, { limits: { deadlineMs: 50 } })).rejects.toMatchObject({
      code: "CTXPACK_E_TIMEOUT",
      message: `the proofs of ${pack.digest} were not read within 0.05 s`,
    });
    expect(slow.running).toBe(0);
  });

  it("until it is aborted", async () => {
    const { repository, pack } = await many(1);
    const stop = new AbortController();
    const reading = discover(new Slow(repository, 60_000), pack, { signal: stop.signal });
    setTimeout(() => stop.abort(new Error("enough")), 20);
    await expect(reading).rejects.toThrow("enough");
    await expect(discover(repository, pack, { signal: stop.signal })).rejects.toThrow("enough");
  });

  it("always in the same order", async () => {
    const { repository, pack } = await many(12);
    const orders = [];
    for (const ms of [0, 5]) {
      const { found } = await discover(new Slow(repository, ms), pack);
      orders.push(found.map(({ digest }) => digest));
    }
    expect(orders[0]).toEqual(orders[1]);
  });
});

describe.skipIf(missingProgram("docker-registry"))("docker-registry", () => {
  it("what is stripped is gone, and told from what cannot be reached", async () => {
    const server = await startDockerRegistry();
    const repository = open(server.host);
    const pack = await pushPack(repository);
    const attached = await attachBundle(repository, pack, await proofOf(pack));
    await repository.delete(attached);
    expect(await discover(open(server.host), pack)).toEqual({ found: [], refused: [] });
    await server[Symbol.asyncDispose]();
    await expect(discover(open(server.host), pack)).rejects.toMatchObject({
      code: "CTXPACK_E_UNAVAILABLE",
    });
  });
});

it("a registry that takes connections and says nothing ends with the deadline", async () => {
  const server = createServer(() => {});
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    server.close();
  });
  const { port } = server.address() as { port: number };
  const registry = new Registry(`127.0.0.1:${port}`, { plainHttp: true, env: {} });
  onTestFinished(() => registry[Symbol.asyncDispose]());
  const { repository } = await faulty();
  const pack = await pushPack(repository);
  const silent = registry.repository("acme/packs");
  await expect(discover(silent, pack, { limits: { deadlineMs: 100 } })).rejects.toMatchObject({
    code: "CTXPACK_E_TIMEOUT",
  });
});

it("an image layout has the same proofs", async () => {
  const place = scratchFolder();
  onTestFinished(() => place[Symbol.dispose]());
  const layout = await OciLayout.open(`${place.path}/layout`, { create: true });
  const pack = await pushPack(layout);
  const proof = await proofOf(pack);
  await attachAsCosign(layout, pack, proof);
  await layout.push(
    { mediaType: "text/plain", digest: digestOf(encode("x")), size: 1 },
    bytesSource(encode("x")),
  );
  const { found } = await discover(layout, pack);
  expect(found.map(({ digest }) => digest)).toEqual([digestOf(proof)]);
});
