import { CtxPackError } from "@ctxpack/identity";
import { repositoryScope } from "../auth/scope.ts";
import type { Descriptor } from "../descriptor.ts";
import { isBlobDigest, splitDigest } from "../digest.ts";
import type { BlobSource } from "../source.ts";
import { describeUrl } from "./address.ts";
import { parseUploadRange } from "./headers.ts";
import { refuse } from "./redirect.ts";
import type { RegistryResponse } from "./response.ts";
import type { RegistryRequest, Transport } from "./transport.ts";
import { type ChunkBounds, chunkBounds } from "./upload-limits.ts";
import { uploadLocation, withDigest } from "./upload-location.ts";

/** A DELETE that nobody waits for any longer, in milliseconds. */
const CANCEL_MS = 5000;

/** Bytes on their way into a session. */
export interface UploadPart {
  readonly body: BlobSource;
  readonly onSent: (bytes: number) => void;
  readonly signal: AbortSignal | undefined;
  /** Whether a `Content-Range` says which bytes they are. */
  readonly ranged: boolean;
}

/**
 * One upload that a registry has opened (distribution-spec, "Pushing blobs"). Each request is sent once: what
 * a failure means depends on where the upload stands.
 */
export class UploadSession {
  readonly bounds: ChunkBounds;
  /** Bytes it has, as far as that is known. */
  offset = 0;
  /** Requests that brought it bytes. */
  pieces = 0;
  /** It has said less than it has: what it says is not to be relied on (ECR, older zot). */
  isBehind = false;
  readonly #transport: Transport;
  readonly #repository: string;
  readonly #origin: URL;
  #location: URL;

  private constructor(
    transport: Transport,
    repository: string,
    facts: { readonly origin: URL; readonly location: URL; readonly bounds: ChunkBounds },
  ) {
    this.#transport = transport;
    this.#repository = repository;
    this.#origin = facts.origin;
    this.#location = facts.location;
    this.bounds = facts.bounds;
  }

  /** The session that an answer with 202 opened. */
  static async of(
    transport: Transport,
    repository: string,
    response: RegistryResponse,
  ): Promise<UploadSession> {
    await response.discard();
    const origin = await transport.origin();
    const allowCrossHost = transport.options.allowCrossHostUpload === true;
    const location = uploadLocation(response.headers.get("location"), response.url, {
      origin,
      allowCrossHost,
    });
    const bounds = chunkBounds(response.headers);
    return new UploadSession(transport, repository, { origin, location, bounds });
  }

  static async open(
    transport: Transport,
    repository: string,
    signal: AbortSignal | undefined,
  ): Promise<UploadSession> {
    const response = await transport.send({
      ...pushing(repository, signal),
      method: "POST",
      url: `/v2/${repository}/blobs/uploads/`,
      expect: [202],
    });
    return UploadSession.of(transport, repository, response);
  }

  /** Sends bytes in a PATCH. Throws CTXPACK_E_PROTOCOL when it then has more than it was sent. */
  async patch(part: UploadPart): Promise<void> {
    const response = await this.#send("PATCH", this.#location, part, [201, 202, 204]);
    this.#follow(response);
    const own = this.offset + part.body.size;
    const has = parseUploadRange(response.headers.get("range"));
    if (has !== undefined && has > own) throw this.#tooMuch(response.url, has, own);
    this.isBehind = has !== undefined && has < own;
    this.offset = own;
    this.pieces++;
  }

  /** Ends the upload, with the last bytes. Throws CTXPACK_E_DIGEST_MISMATCH when another blob was stored. */
  async finish(d: Descriptor, part: UploadPart): Promise<void> {
    const url = withDigest(this.#location, d.digest);
    const response = await this.#send("PUT", url, part, [201, 204]);
    expectDigest(response, d);
  }

  /** Bytes the registry says it has; `undefined`: it does not say. `most`: bytes it can have. */
  async status(most: number, signal: AbortSignal | undefined): Promise<number | undefined> {
    const response = await this.#transport.send({
      ...pushing(this.#repository, signal),
      method: "GET",
      url: this.#location,
      expect: [200, 202, 204, 405],
    });
    await response.discard();
    if (response.status === 405) return undefined;
    this.#follow(response);
    const has = parseUploadRange(response.headers.get("range"));
    if (has !== undefined && has > most) throw this.#tooMuch(response.url, has, most);
    return has;
  }

  /** Gives up the session, also after an abort. What it left ends by itself if this fails. */
  async cancel(): Promise<void> {
    try {
      const response = await this.#transport.send({
        ...pushing(this.#repository, AbortSignal.timeout(CANCEL_MS)),
        method: "DELETE",
        url: this.#location,
        expect: [200, 202, 204],
      });
      await response.discard();
    } catch {
      // The reason why it is given up is what counts.
    }
  }

  async #send(
    method: "PATCH" | "PUT",
    url: URL,
    { body, onSent, signal, ranged }: UploadPart,
    expect: readonly number[],
  ): Promise<RegistryResponse> {
    const last = this.offset + body.size - 1;
    const response = await this.#transport.send({
      ...pushing(this.#repository, signal),
      method,
      url,
      headers: {
        "content-type": "application/octet-stream",
        ...(ranged && body.size > 0 && { "content-range": `${this.offset}-${last}` }),
      },
      ...(body.size > 0 && { body }),
      onSent,
      expect,
    });
    await response.discard();
    return response;
  }

  #follow(response: RegistryResponse): void {
    const location = response.headers.get("location");
    if (location === undefined) return;
    const allowCrossHost = this.#transport.options.allowCrossHostUpload === true;
    const rules = { origin: this.#origin, allowCrossHost };
    this.#location = uploadLocation(location, response.url, rules);
  }

  #tooMuch(at: URL, has: number, sent: number): CtxPackError {
    const url = describeUrl(at);
    return refuse(`${url} says it has ${has} bytes, ${sent} were sent`, { url, has, sent });
  }
}

/** What every request of an upload has in common. */
export function pushing(
  repository: string,
  signal: AbortSignal | undefined,
): Pick<RegistryRequest, "scopes" | "repository" | "right" | "once" | "signal"> {
  const scopes = [repositoryScope(repository, "pull", "push")];
  return { scopes, repository, right: "push", once: true, signal };
}

/** Throws CTXPACK_E_DIGEST_MISMATCH when the registry says that it stored another blob. */
export function expectDigest(response: RegistryResponse, d: Descriptor): void {
  const said = response.headers.get("docker-content-digest");
  // One of another algorithm says nothing: distribution 2.8 answers a sha512 with a sha256.
  if (said === undefined || !isBlobDigest(said) || said === d.digest) return;
  if (splitDigest(said).algorithm !== splitDigest(d.digest).algorithm) return;
  const url = describeUrl(response.url);
  throw new CtxPackError("CTXPACK_E_DIGEST_MISMATCH", `${url} stored another blob, ${said}`, {
    hint: "the bytes were changed on their way, or the registry is broken",
    details: { url, expected: d.digest, found: said },
  });
}
