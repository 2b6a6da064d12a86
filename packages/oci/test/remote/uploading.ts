import { createHash, randomBytes } from "node:crypto";
import type { Digest } from "@ctxpack/identity";
import { type BlobSource, bytesSource, type Descriptor } from "@ctxpack/oci";
import { onTestFinished } from "vitest";
import {
  type FaultRegistry,
  type Faults,
  startFaultRegistry,
} from "../../../test-tools/src/index.ts";
import { profileFor, type RegistryProfile } from "../../src/remote/profile.ts";
import type { RegistryOptions } from "../../src/remote/settings.ts";
import { Transport } from "../../src/remote/transport.ts";
import { Uploader } from "../../src/remote/upload.ts";

export const MiB = 1 << 20;

export interface Blob {
  readonly descriptor: Descriptor;
  readonly bytes: Buffer;
  readonly source: BlobSource;
}

/** A blob of random bytes. */
export function blobOf(size: number): Blob {
  return blobFrom(randomBytes(size));
}

export function blobFrom(bytes: Buffer): Blob {
  const digest: Digest = `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
  const descriptor = { mediaType: "application/octet-stream", digest, size: bytes.length };
  return { descriptor, bytes, source: bytesSource(bytes) };
}

export interface Upload {
  readonly transport: Transport;
  readonly uploader: Uploader;
}

/** An uploader to repository `a/b` of a host; what it opens is closed when the test ends. */
export function uploaderTo(
  host: string,
  profile: Partial<RegistryProfile> = {},
  options: RegistryOptions = {},
): Upload {
  const retry = { attempts: 5, baseMs: 1, capMs: 5, retryAfterCapMs: 2000, ...options.retry };
  const transport = new Transport(host, { plainHttp: true, env: {}, ...options, retry });
  onTestFinished(() => transport[Symbol.asyncDispose]());
  return { transport, uploader: new Uploader(transport, "a/b", profileFor(host, profile)) };
}

/** A registry with faults, and an uploader to it. */
export async function faulty(
  faults: Faults,
  profile: Partial<RegistryProfile> = {},
  options: RegistryOptions = {},
): Promise<Upload & { readonly registry: FaultRegistry }> {
  const registry = await startFaultRegistry(faults);
  onTestFinished(() => registry[Symbol.asyncDispose]());
  return { registry, ...uploaderTo(registry.host, profile, options) };
}

/** `POST PATCH PUT` and so on, with what they were answered. */
export function conversation(registry: FaultRegistry): string {
  return registry.requests.map(({ method, status }) => `${method} ${status}`).join(", ");
}

/** Bytes of bodies that the registry took in. */
export function traffic(registry: FaultRegistry): number {
  return registry.requests.reduce((sum, { bytesIn }) => sum + bytesIn, 0);
}
