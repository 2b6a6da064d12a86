import { sha256 } from "@ctxpack/identity";
import {
  bytesSource,
  type Descriptor,
  EMPTY_DESCRIPTOR,
  IMAGE_MANIFEST_TYPE,
  pushBytes,
  type Storage,
} from "@ctxpack/oci";
import { Registry, type Repository } from "@ctxpack/oci/remote";
import {
  createStatement,
  type DiscoverOptions,
  discoverBundles,
  type FoundBundle,
  PROVENANCE_TYPE,
  type RefusedBundle,
  signStatement,
} from "@ctxpack/proof";
import { type FaultRegistry, type Faults, startFaultRegistry } from "@ctxpack/test-tools";
import { onTestFinished } from "vitest";
import { type TestKey, testKey } from "../fixture.ts";
import { provenance } from "../policy/fixture.ts";

export const BUNDLE_TYPE = "application/vnd.dev.sigstore.bundle.v0.3+json";

let shared: Promise<TestKey> | undefined;

/** A key that tests of transport share: making one takes longer than using it. */
export function signingKey(): Promise<TestKey> {
  shared ??= testKey();
  return shared;
}

/** A registry with faults, and a repository in it; nothing is tried twice. */
export async function faulty(
  faults: Faults = {},
): Promise<{ server: FaultRegistry; repository: Repository }> {
  const server = await startFaultRegistry(faults);
  onTestFinished(() => server[Symbol.asyncDispose]());
  return { server, repository: open(server.host) };
}

/** A repository as another process would see it. */
export function open(host: string): Repository {
  const registry = new Registry(host, { retry: { attempts: 2, baseMs: 1, capMs: 2 }, env: {} });
  onTestFinished(() => registry[Symbol.asyncDispose]());
  return registry.repository("acme/packs");
}

/** Pushes a manifest that stands for a pack. */
export async function pushPack(target: Storage, note = "pack"): Promise<Descriptor> {
  await target.push(EMPTY_DESCRIPTOR, bytesSource(encode("{}")));
  return pushManifest(target, { annotations: { note } });
}

/** Pushes a manifest with an empty config and, by default, no layers. */
export async function pushManifest(target: Storage, members: object): Promise<Descriptor> {
  const manifest = {
    schemaVersion: 2,
    mediaType: IMAGE_MANIFEST_TYPE,
    artifactType: "application/vnd.ctxpack.pack.v1",
    config: plain(EMPTY_DESCRIPTOR),
    layers: [],
    ...members,
  };
  return pushBytes(target, IMAGE_MANIFEST_TYPE, encode(JSON.stringify(manifest)));
}

/** A bundle about a manifest; `note` tells one from another. */
export async function proofOf(subject: Descriptor, note = "1"): Promise<Uint8Array> {
  const statement = createStatement({
    subject: { name: "registry.example/acme/packs", digest: subject.digest },
    predicateType: PROVENANCE_TYPE,
    predicate: { ...provenance(), note },
  });
  const { signer } = await signingKey();
  return (await signStatement(statement, { signer })).bytes;
}

/** Attaches bytes as cosign v3 does: the config says the type too, the time has seconds, the keys Go's order. */
export async function attachAsCosign(
  target: Storage,
  subject: Descriptor,
  bundle: Uint8Array,
): Promise<Descriptor> {
  const layer = await pushBytes(target, BUNDLE_TYPE, bundle);
  await target.push(EMPTY_DESCRIPTOR, bytesSource(encode("{}")));
  const manifest = {
    schemaVersion: 2,
    mediaType: IMAGE_MANIFEST_TYPE,
    config: { ...plain(EMPTY_DESCRIPTOR), artifactType: BUNDLE_TYPE },
    layers: [{ mediaType: BUNDLE_TYPE, size: layer.size, digest: layer.digest }],
    annotations: {
      "dev.sigstore.bundle.content": "dsse-envelope",
      "dev.sigstore.bundle.predicateType": PROVENANCE_TYPE,
      "org.opencontainers.image.created": "2026-11-20T10:01:00Z",
    },
    subject: plain(subject),
    artifactType: BUNDLE_TYPE,
  };
  return pushBytes(target, IMAGE_MANIFEST_TYPE, encode(JSON.stringify(manifest)));
}

/** Attaches bytes as actions/attest does. */
export async function attachAsGitHub(
  target: Storage,
  subject: Descriptor,
  bundle: Uint8Array,
  change: object = {},
): Promise<Descriptor> {
  const layer = await pushBytes(target, BUNDLE_TYPE, bundle);
  await target.push(EMPTY_DESCRIPTOR, bytesSource(encode("{}")));
  return pushManifest(target, {
    artifactType: BUNDLE_TYPE,
    layers: [plain(layer)],
    subject: plain(subject),
    annotations: {
      "dev.sigstore.bundle.content": "dsse-envelope",
      "dev.sigstore.bundle.predicateType": PROVENANCE_TYPE,
      "org.opencontainers.image.created": "2026-11-20T10:01:00.123Z",
    },
    ...change,
  });
}

export async function discover(
  source: Parameters<typeof discoverBundles>[0],
  subject: Descriptor,
  options?: DiscoverOptions,
): Promise<{ found: FoundBundle[]; refused: RefusedBundle[] }> {
  const found: FoundBundle[] = [];
  const refused: RefusedBundle[] = [];
  for await (const one of discoverBundles(source, subject, options)) {
    if ("bytes" in one) found.push(one);
    else refused.push(one);
  }
  return { found, refused };
}

export function plain({ mediaType, digest, size }: Descriptor): Descriptor {
  return { mediaType, digest, size };
}

export function encode(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

export const digestOf: typeof sha256 = sha256;
