import { fetchBytes, OciLayout } from "@ctxpack/oci";
import { attachBundle, BUNDLE_LIMIT } from "@ctxpack/proof";
import {
  type Faults,
  missingProgram,
  scratchFolder,
  startDockerRegistry,
} from "@ctxpack/test-tools";
import { describe, expect, it, onTestFinished } from "vitest";
import { changed } from "../fixture.ts";
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

type Target = Parameters<typeof attachBundle>[0];

/** Somewhere to attach to, and the same as the next process sees it. */
interface Opened {
  readonly target: Target;
  readonly again: () => Target | Promise<Target>;
}

const registryWith = (faults: Faults) => async (): Promise<Opened> => {
  const { server, repository } = await faulty(faults);
  return { target: repository, again: () => open(server.host) };
};

const dockerRegistry = async (): Promise<Opened> => {
  const server = await startDockerRegistry();
  onTestFinished(() => server[Symbol.asyncDispose]());
  return { target: open(server.host), again: () => open(server.host) };
};

const layout = async (): Promise<Opened> => {
  const place = scratchFolder();
  onTestFinished(() => place[Symbol.dispose]());
  const dir = `${place.path}/layout`;
  return {
    target: await OciLayout.open(dir, { create: true }),
    again: () => OciLayout.open(dir, { readOnly: true }),
  };
};

const noDocker = missingProgram("docker-registry");

describe.each<[string, () => Promise<Opened>, boolean]>([
  ["a registry with the referrers API", registryWith({}), false],
  ["a registry that says so and has none yet", registryWith({ referrers: false }), false],
  ["docker-registry 2.8, which has no referrers API", dockerRegistry, noDocker],
  ["an image layout", layout, false],
])("%s", (_, start, skip) => {
  it.skipIf(skip)("gives back what was attached, to whoever comes next", async () => {
    const { target, again } = await start();
    const pack = await pushPack(target);
    const proofs = [await proofOf(pack, "1"), await proofOf(pack, "2")] as const;
    const manifests = [];
    for (const proof of proofs) manifests.push(await attachBundle(target, pack, proof));
    const { found, refused } = await discover(await again(), pack);
    expect(refused).toEqual([]);
    expect(found.map(({ digest }) => digest).sort()).toEqual(proofs.map(digestOf).sort());
    expect(found.map(({ bytes }) => digestOf(bytes))).toEqual(found.map(({ digest }) => digest));
    expect(found.map(({ manifest }) => manifest.digest).sort()).toEqual(
      manifests.map(({ digest }) => digest).sort(),
    );
  });

  it.skipIf(skip)("takes the same bundle once, also from others", async () => {
    const { target, again } = await start();
    const pack = await pushPack(target);
    const [mine, cosigns, githubs] = [
      await proofOf(pack, "1"),
      await proofOf(pack, "2"),
      await proofOf(pack, "3"),
    ];
    const first = await attachBundle(target, pack, mine);
    const second = await attachAsCosign(target, pack, cosigns);
    const third = await attachAsGitHub(target, pack, githubs);
    const next = await again();
    expect((await attachBundle(next, pack, mine)).digest).toBe(first.digest);
    expect((await attachBundle(next, pack, cosigns)).digest).toBe(second.digest);
    expect((await attachBundle(next, pack, githubs)).digest).toBe(third.digest);
    expect((await discover(next, pack)).found).toHaveLength(3);
  });
});

it("writes the manifest as sigstore's specification has it, key for key", async () => {
  const { repository } = await faulty();
  const pack = await pushPack(repository);
  const proof = await proofOf(pack);
  const attached = await attachBundle(
    repository,
    { ...pack, annotations: { not: "copied" } },
    proof,
  );
  const bytes = await fetchBytes(repository, attached, { maxBytes: 1 << 16 });
  const created = /"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z)"/.exec(
    Buffer.from(bytes).toString(),
  )?.[1];
  expect(Math.abs(Date.now() - Date.parse(created ?? ""))).toBeLessThan(60_000);
  expect(Buffer.from(bytes).toString()).toBe(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: "application/vnd.oci.image.manifest.v1+json",
      artifactType: BUNDLE_TYPE,
      config: {
        mediaType: "application/vnd.oci.empty.v1+json",
        digest: "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a",
        size: 2,
      },
      layers: [{ mediaType: BUNDLE_TYPE, digest: digestOf(proof), size: proof.length }],
      subject: plain(pack),
      annotations: {
        "dev.sigstore.bundle.content": "dsse-envelope",
        "dev.sigstore.bundle.predicateType": "https://slsa.dev/provenance/v1",
        "org.opencontainers.image.created": created,
      },
    }),
  );
});

it("leaves no tag of its own where there is an API", async () => {
  const { server, repository } = await faulty();
  const pack = await pushPack(repository);
  await attachBundle(repository, pack, await proofOf(pack));
  expect([...server.tags("acme/packs").keys()]).toEqual([]);
});

describe("what is not attached", () => {
  const cases: readonly [string, string, (proof: Uint8Array) => Uint8Array][] = [
    ["no JSON", "CTXPACK_E_PROOF_BUNDLE", () => encode("hello")],
    ["too long a bundle", "CTXPACK_E_PROOF_BUNDLE", () => new Uint8Array(BUNDLE_LIMIT + 1)],
    [
      "an older version",
      "CTXPACK_E_PROOF_BUNDLE",
      (proof) =>
        changed(proof, (json) => {
          json.mediaType = "application/vnd.dev.sigstore.bundle+json;version=0.2";
        }),
    ],
    [
      "another type of payload",
      "CTXPACK_E_PROOF_STATEMENT",
      (proof) =>
        changed(proof, (json) => {
          json.dsseEnvelope.payloadType = "application/json";
        }),
    ],
    [
      "no statement",
      "CTXPACK_E_PROOF_STATEMENT",
      (proof) =>
        changed(proof, (json) => {
          json.dsseEnvelope.payload = Buffer.from("{}").toString("base64");
        }),
    ],
  ];

  it.each(cases)("%s", async (_, code, make) => {
    const { server, repository } = await faulty();
    const pack = await pushPack(repository);
    const before = server.requests.length;
    const bytes = make(await proofOf(pack));
    await expect(attachBundle(repository, pack, bytes)).rejects.toMatchObject({ code });
    // Nothing was asked, nothing was sent.
    expect(server.requests.length).toBe(before);
  });

  it("a proof of something else", async () => {
    const { repository } = await faulty();
    const [pack, other] = [await pushPack(repository), await pushPack(repository, "other")];
    await expect(attachBundle(repository, pack, await proofOf(other))).rejects.toMatchObject({
      code: "CTXPACK_E_PROOF_SUBJECT",
      details: { expected: pack.digest },
    });
  });

  it("a proof of what is not there", async () => {
    const { repository } = await faulty();
    const { repository: elsewhere } = await faulty();
    await pushPack(repository, "something");
    const pack = await pushPack(elsewhere);
    await expect(attachBundle(repository, pack, await proofOf(pack))).rejects.toMatchObject({
      code: "CTXPACK_E_NOT_FOUND",
    });
  });

  it("anything, when aborted", async () => {
    const { repository } = await faulty();
    const pack = await pushPack(repository);
    const signal = AbortSignal.abort(new Error("enough"));
    await expect(attachBundle(repository, pack, await proofOf(pack), { signal })).rejects.toThrow(
      "enough",
    );
  });
});

it("somebody's damaged referrer is in nobody's way", async () => {
  const { repository } = await faulty();
  const pack = await pushPack(repository);
  await pushManifest(repository, { artifactType: BUNDLE_TYPE, subject: plain(pack) });
  await attachBundle(repository, pack, await proofOf(pack));
  expect((await discover(repository, pack)).found).toHaveLength(1);
});

it("a registry that does not answer is not one without the bundle", async () => {
  const { server, repository } = await faulty();
  const pack = await pushPack(repository);
  const proof = await proofOf(pack);
  const attached = await attachBundle(repository, pack, proof);
  server.faults.serverErrors = {
    times: Number.POSITIVE_INFINITY,
    status: 503,
    on: new RegExp(`GET .*/manifests/${attached.digest}`),
  };
  await expect(attachBundle(open(server.host), pack, proof)).rejects.toMatchObject({
    code: "CTXPACK_E_UNAVAILABLE",
  });
});
