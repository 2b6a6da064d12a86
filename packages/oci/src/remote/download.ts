import { CtxPackError } from "@ctxpack/identity";
import type { Descriptor } from "../descriptor.ts";
import { describeUrl } from "./address.ts";
import { parseContentRange } from "./headers.ts";
import { statusOf } from "./registry-error.ts";
import type { RegistryResponse } from "./response.ts";
import { backoff, pause } from "./retry.ts";
import type { Transport } from "./transport.ts";

/** After so many bytes a transfer has shown that it goes on, and what failed before is forgotten. */
const PROGRESS = 1 << 20;

/** A blob, or a part of one, at a registry. */
export interface BlobPart {
  readonly transport: Transport;
  readonly repository: string;
  readonly scopes: readonly string[];
  readonly descriptor: Descriptor;
  /** First byte. */
  readonly start: number;
  /** The byte after the last one. */
  readonly end: number;
  readonly signal?: AbortSignal | undefined;
}

/** What the parts of one blob learn from one another. */
export interface Shortcut {
  /** Where the registry sends its readers: asked there while it answers. */
  url?: URL | undefined;
  /** Whether it gives a part when it is asked for one; called with each answer. */
  onAnswer?: ((ranged: boolean) => void) | undefined;
}

/**
 * The bytes of one part, over one connection at a time; broken off, it goes on where it stopped. What arrives
 * is not verified. Throws CTXPACK_E_SIZE_MISMATCH for a blob that is shorter or longer, CTXPACK_E_PROTOCOL for a
 * range that was not asked for, CTXPACK_E_UNAVAILABLE after as many failures in a row as the policy allows.
 */
export async function* downloadPart(
  part: BlobPart,
  shortcut: Shortcut = {},
): AsyncGenerator<Uint8Array> {
  const { transport, signal, end } = part;
  let at = part.start;
  let failures = 0;
  let sinceFailure = 0;
  while (at < end) {
    const { response, skip } = await openPart(part, at, shortcut);
    try {
      let toSkip = skip;
      for await (const chunk of response.chunks()) {
        const rest = chunk.subarray(Math.min(toSkip, chunk.length));
        toSkip -= chunk.length - rest.length;
        if (rest.length === 0) continue;
        const wanted = rest.subarray(0, end - at);
        at += wanted.length;
        sinceFailure += wanted.length;
        if (sinceFailure >= PROGRESS) failures = 0;
        yield wanted;
        if (wanted.length < rest.length && end === part.descriptor.size) throw tooLong(part);
        if (at === end) break;
      }
      if (at === end) return;
      // The answer ended as if it were whole. Perhaps the next one is.
      throw endsEarly(part, at);
    } catch (error) {
      signal?.throwIfAborted();
      if (!mayGoOn(error)) throw error;
      sinceFailure = 0;
      shortcut.url = undefined;
      if (++failures >= transport.retry.attempts) throw error;
      await pause(backoff(transport.retry, failures), signal);
    }
  }
}

/** Asks for the bytes from `at` on. `skip`: as many come before them, as the registry knows no ranges. */
async function openPart(
  part: BlobPart,
  at: number,
  shortcut: Shortcut,
): Promise<{ readonly response: RegistryResponse; readonly skip: number }> {
  const { transport, repository, scopes, descriptor, end, signal } = part;
  const isWhole = at === 0 && end === descriptor.size;
  const ask = (url: string | URL): Promise<RegistryResponse> =>
    transport.send({
      method: "GET",
      url,
      headers: isWhole ? {} : { range: `bytes=${at}-${end - 1}` },
      scopes,
      repository,
      right: "pull",
      expect: [200, 206],
      signal,
    });
  const response = await viaShortcut(`/v2/${repository}/blobs/${descriptor.digest}`, shortcut, ask);
  try {
    if (response.foreign) shortcut.url = response.url;
    refuseCoding(response);
    if (!isWhole) shortcut.onAnswer?.(response.status === 206);
    if (response.status === 206) {
      expectRange(response, part, at);
      return { response, skip: 0 };
    }
    const { contentLength } = response.headers;
    if (contentLength !== undefined && contentLength !== descriptor.size) {
      throw wrongSize(part, contentLength);
    }
    return { response, skip: at };
  } catch (error) {
    response.close();
    throw error;
  }
}

/** Signed URLs end sooner than large blobs: whatever the shortcut says against it, the registry is asked again. */
async function viaShortcut(
  path: string,
  shortcut: Shortcut,
  ask: (url: string | URL) => Promise<RegistryResponse>,
): Promise<RegistryResponse> {
  if (shortcut.url === undefined) return ask(path);
  try {
    return await ask(shortcut.url);
  } catch (error) {
    if (statusOf(error) === undefined) throw error;
    shortcut.url = undefined;
    return ask(path);
  }
}

/** A transfer that was broken off is resumed; an answer that was no good is no good the next time. */
function mayGoOn(error: unknown): boolean {
  if (!CtxPackError.isInstance(error)) return false;
  return error.code === "CTXPACK_E_UNAVAILABLE" || error.details["endsEarly"] === true;
}

function refuseCoding(response: RegistryResponse): void {
  const coding = response.headers.get("content-encoding")?.trim().toLowerCase() ?? "identity";
  if (coding === "identity" || coding === "") return;
  const url = describeUrl(response.url);
  throw new CtxPackError(
    "CTXPACK_E_PROTOCOL",
    `${url} sends the blob in the coding ${coding.slice(0, 40)}`,
    {
      hint: "a proxy before the registry changes what passes it: it must not compress blobs",
      details: { url },
    },
  );
}

function expectRange(response: RegistryResponse, part: BlobPart, at: number): void {
  const range = parseContentRange(response.headers.get("content-range"));
  const { end, descriptor } = part;
  if (range?.size !== undefined && range.size !== descriptor.size)
    throw wrongSize(part, range.size);
  if (range?.first === at && range.last === end - 1) return;
  const found = range === undefined ? "no range" : `${range.first} to ${range.last}`;
  const url = describeUrl(response.url);
  throw new CtxPackError(
    "CTXPACK_E_PROTOCOL",
    `${url} was asked for the bytes ${at} to ${end - 1} and says that it sends ${found}`,
    {
      hint: 'its ranges cannot be used: set "ranges": false in the registry\'s settings',
      details: { url, expected: [at, end - 1], found },
    },
  );
}

function wrongSize(
  { descriptor: d, repository, transport }: BlobPart,
  found: number,
): CtxPackError {
  return new CtxPackError(
    "CTXPACK_E_SIZE_MISMATCH",
    `${transport.host}/${repository}: blob ${d.digest} has ${found} bytes, expected ${d.size}`,
    { details: { digest: d.digest, expected: d.size, found } },
  );
}

function tooLong({ descriptor: d, repository, transport }: BlobPart): CtxPackError {
  return new CtxPackError(
    "CTXPACK_E_SIZE_MISMATCH",
    `${transport.host}/${repository}: blob ${d.digest} is longer than ${d.size} bytes`,
    { details: { digest: d.digest, expected: d.size } },
  );
}

function endsEarly({ descriptor: d, repository, transport }: BlobPart, at: number): CtxPackError {
  return new CtxPackError(
    "CTXPACK_E_SIZE_MISMATCH",
    `${transport.host}/${repository}: blob ${d.digest} ends after ${at} bytes, expected ${d.size}`,
    { details: { digest: d.digest, expected: d.size, found: at, endsEarly: true } },
  );
}
