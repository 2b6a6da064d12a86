import { createHash } from "node:crypto";
import type { Digest } from "@ctxpack/identity";
import type { Descriptor } from "@ctxpack/oci";
import { Registry, type RegistryOptions, type Repository } from "@ctxpack/oci/remote";
import { type FaultRegistry, type Faults, startFaultRegistry } from "@ctxpack/test-tools";
import { onTestFinished } from "vitest";

export const MiB: number = 1 << 20;
/** Fails fast: tests are about what is tried, not about how long is waited. */
export const QUICK: RegistryOptions = {
  retry: { attempts: 4, baseMs: 1, capMs: 5, retryAfterCapMs: 2000 },
  timeouts: { connectMs: 2000, headersMs: 2000, stallMs: 300 },
  env: {},
};

/** Bytes that look random and are always the same. */
export function noise(size: number, seed = 1): Buffer {
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

export function describe(bytes: Uint8Array, mediaType = "application/octet-stream"): Descriptor {
  const digest: Digest = `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
  return { mediaType, digest, size: bytes.length };
}

/** A registry with faults and its repository a/b; both are closed when the test ends. */
export async function faulty(
  faults: Faults = {},
  options: RegistryOptions = {},
): Promise<{ server: FaultRegistry; registry: Registry; repository: Repository }> {
  const server = await startFaultRegistry(faults);
  onTestFinished(() => server[Symbol.asyncDispose]());
  const registry = open(server.host, options);
  return { server, registry, repository: registry.repository("a/b") };
}

export function open(host: string, options: RegistryOptions = {}): Registry {
  const registry = new Registry(host, { ...QUICK, ...options });
  onTestFinished(() => registry[Symbol.asyncDispose]());
  return registry;
}

export async function read(chunks: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const all: Uint8Array[] = [];
  for await (const chunk of chunks) all.push(chunk);
  return Buffer.concat(all);
}

/** What an operation ended with: its error, or `undefined`. */
export async function failure(work: Promise<unknown>): Promise<{
  readonly code?: string;
  readonly message: string;
  readonly hint?: string;
  readonly details?: Record<string, unknown>;
}> {
  try {
    await work;
  } catch (error) {
    return error as Error;
  }
  return { message: "nothing failed" };
}

/** Everything an error says, its causes too. */
export function everythingOf(error: unknown): string {
  const said: unknown[] = [];
  for (let at = error, depth = 0; at instanceof Error && depth < 6; depth++) {
    said.push(at.message, at.stack, { ...at });
    at = at.cause;
  }
  return JSON.stringify(said);
}
