import { CtxPackError, type Digest } from "@ctxpack/identity";
import { describeUrl } from "./address.ts";
import { parseUploadRange } from "./headers.ts";
import { refuse } from "./redirect.ts";
import type { RegistryResponse } from "./response.ts";
import type { RegistryRequest, Transport } from "./transport.ts";

/** What a session's requests have in common. */
export type SessionRequest = Pick<RegistryRequest, "scopes" | "repository" | "right" | "signal">;

/** An upload that was begun (distribution-spec, "Pushing blobs"): where it goes on, which changes with every answer. */
export class UploadSession {
  /** Where the next request goes; always what the last answer said. */
  location: URL;
  /** Bytes a PATCH should have at least and at most, as the registry says. */
  readonly chunkMin: number | undefined;
  readonly chunkMax: number | undefined;
  readonly #transport: Transport;
  readonly #shared: SessionRequest;

  private constructor(transport: Transport, shared: SessionRequest, response: RegistryResponse) {
    this.#transport = transport;
    this.#shared = shared;
    this.location = locationOf(transport, response);
    this.chunkMin = bytesOf(response.headers.get("oci-chunk-min-length"));
    this.chunkMax = bytesOf(response.headers.get("oci-chunk-max-length"));
  }

  /** Takes a 202 to a POST. Throws CTXPACK_E_PROTOCOL for one that does not say where to go on. */
  static async from(
    transport: Transport,
    shared: SessionRequest,
    response: RegistryResponse,
  ): Promise<UploadSession> {
    await response.discard();
    return new UploadSession(transport, shared, response);
  }

  /** Sends the last bytes, or all; throws unless the registry has the blob. */
  async finish(
    digest: Digest,
    request: Pick<RegistryRequest, "body" | "headers" | "onSent">,
  ): Promise<RegistryResponse> {
    const url = new URL(this.location);
    url.searchParams.set("digest", digest);
    return this.#send({ ...request, method: "PUT", url, expect: [200, 201, 204] });
  }

  /** Sends bytes from `start` on; gives back how many the registry says that it has. */
  async patch(
    start: number,
    size: number,
    request: Pick<RegistryRequest, "body" | "onSent">,
  ): Promise<number | undefined> {
    const headers = {
      "content-type": "application/octet-stream",
      "content-range": `${start}-${start + size - 1}`,
    };
    const response = await this.#send({
      ...request,
      method: "PATCH",
      url: this.location,
      headers,
      // ECR answers with 201.
      expect: [200, 201, 202, 204],
    });
    this.#follow(response);
    return parseUploadRange(response.headers.get("range"));
  }

  /** How many bytes the registry has; `undefined` when it does not know the session any more. */
  async status(): Promise<number | undefined> {
    try {
      const response = await this.#send({
        method: "GET",
        url: this.location,
        expect: [200, 202, 204],
      });
      this.#follow(response);
      return parseUploadRange(response.headers.get("range"));
    } catch (error) {
      this.#shared.signal?.throwIfAborted();
      if (CtxPackError.isInstance(error)) return undefined;
      throw error;
    }
  }

  /** Tells the registry that nothing more comes, as well as that goes: also after an abort, and for 5 s at most. */
  async cancel(): Promise<void> {
    try {
      const response = await this.#transport.send({
        ...this.#shared,
        signal: AbortSignal.timeout(5000),
        method: "DELETE",
        url: this.location,
        once: true,
        expect: [200, 202, 204, 400, 401, 403, 404, 405],
      });
      await response.discard();
    } catch {
      // A session that nobody ends is ended by the registry.
    }
  }

  async #send(
    request: Omit<RegistryRequest, "scopes" | "repository" | "right" | "signal" | "once">,
  ): Promise<RegistryResponse> {
    const response = await this.#transport.send({ ...this.#shared, ...request, once: true });
    await response.discard();
    return response;
  }

  #follow(response: RegistryResponse): void {
    if (response.headers.get("location") !== undefined) {
      this.location = locationOf(this.#transport, response);
    }
  }
}

/**
 * Where an upload goes on. At another host only where the user allows it, and then without credentials; never
 * from https to http (CVE-2026-50151). Throws CTXPACK_E_PROTOCOL.
 */
function locationOf(transport: Transport, response: RegistryResponse): URL {
  const from = response.url;
  const where = describeUrl(from);
  const location = response.headers.get("location");
  const url = location === undefined ? null : URL.parse(location, from.href);
  if (url === null || (url.protocol !== "https:" && url.protocol !== "http:")) {
    throw refuse(`${where} does not say where an upload goes on`, { url: where });
  }
  if (from.protocol === "https:" && url.protocol === "http:") {
    throw refuse(`${where} lets an upload go on without encryption, at ${url.host}`, {
      url: where,
      location: describeUrl(url),
    });
  }
  if (url.host !== from.host && transport.options.allowCrossHostUpload !== true) {
    throw new CtxPackError(
      "CTXPACK_E_PROTOCOL",
      `${where} lets an upload go on at another host, ${url.host}`,
      {
        hint: 'if that is right, set "allowCrossHostUpload" in the registry\'s settings',
        details: { url: where, location: describeUrl(url) },
      },
    );
  }
  url.username = "";
  url.password = "";
  return url;
}

function bytesOf(value: string | undefined): number | undefined {
  return value !== undefined && /^[1-9]\d{0,14}$/.test(value) ? Number(value) : undefined;
}
