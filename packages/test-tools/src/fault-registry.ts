import { randomUUID } from "node:crypto";
import { Doors, type TokenRequest } from "./fault/auth.ts";
import { handleBlob } from "./fault/blobs.ts";
import { Exchange } from "./fault/exchange.ts";
import { type Faults, spend } from "./fault/faults.ts";
import { handleManifest, parseManifest } from "./fault/manifests.ts";
import { handleReferrers } from "./fault/referrers.ts";
import { digestOf, Store } from "./fault/store.ts";
import { handleTags } from "./fault/tags.ts";
import { handleUpload, handleUploadStart } from "./fault/uploads.ts";
import { type Listening, listen, type RecordedRequest, type ServerTls } from "./http-server.ts";
import { type Sink, startSink } from "./sink.ts";

export interface FaultRegistryOptions extends Faults {
  readonly tls?: ServerTls | undefined;
  /** Passwords by user, for `auth`; alice has `s3cret` if not set. */
  readonly users?: Readonly<Record<string, string>> | undefined;
}

/** A registry in memory, correct by default, with a switch for each lie. */
export interface FaultRegistry extends Listening {
  /** May be changed while it runs. */
  readonly faults: Faults;
  readonly requests: readonly RecordedRequest[];
  readonly tokenRequests: readonly TokenRequest[];
  /** Another origin that serves the blobs, see `redirectBlobs`. */
  readonly cdn: Sink;
  blobs(repository: string): ReadonlyMap<string, Buffer>;
  manifests(repository: string): ReadonlyMap<string, Buffer>;
  /** Digests by tag. */
  tags(repository: string): ReadonlyMap<string, string>;
  /** How many upload sessions are open. */
  sessions(): number;
  /** Puts a blob without a request; its digest, or the one that it is to be found under. */
  putBlob(repository: string, bytes: Uint8Array | string, digest?: string): string;
  /** Puts a manifest as it is, unchecked; its digest. */
  putManifest(repository: string, manifest: Uint8Array | object, ...tags: string[]): string;
  /** An identity token of a user. */
  refreshToken(user: string): string;
}

/** Starts it on a free loopback port. Disposing it destroys its connections. */
export async function startFaultRegistry(
  options: FaultRegistryOptions = {},
): Promise<FaultRegistry> {
  const { tls, users = { alice: "s3cret" }, ...given } = options;
  const faults: Faults = structuredClone(given);
  const store = new Store();
  const doors = new Doors(users);
  const requests: RecordedRequest[] = [];
  const signed = new Map<string, Buffer>();
  const cdn = await startSink({ tls, faults, blobs: (digest) => signed.get(digest) });
  const signing = (repository: string) => ({
    host: cdn.host,
    sign(digest: string): string {
      const bytes = store.find(repository)?.blobs.get(digest)?.bytes;
      if (bytes !== undefined) signed.set(digest, bytes);
      return `/cdn/${digest}?signature=${randomUUID()}`;
    },
  });
  const scheme = tls === undefined ? "http" : "https";

  const server = await listen(async (request, response) => {
    const origin = `${scheme}://${request.headers.host ?? "127.0.0.1"}`;
    const exchange = new Exchange(request, response, origin, faults, requests);
    const { pathname } = exchange.url;
    if (failsAnyway(exchange)) return;
    if (pathname === "/token") return await doors.handleToken(exchange);
    const route = /^\/v2\/(?:(.+?)\/(blobs\/uploads|blobs|manifests|referrers|tags)\/(.*))?$/.exec(
      pathname,
    );
    if (route === null) {
      exchange.reply(404, { "Content-Type": "text/plain" }, "404 page not found\n");
      return;
    }
    const [, repository = "", kind, rest = ""] = route;
    if (!doors.admit(exchange, scopesOf(exchange, repository))) return;
    const last = decodeURIComponent(rest);
    if (kind === undefined) exchange.json(200, {});
    else if (kind === "tags") handleTags(exchange, store, repository);
    else if (kind === "referrers") handleReferrers(exchange, store, repository, last);
    else if (kind === "manifests") await handleManifest(exchange, store, repository, last);
    else if (kind === "blobs") {
      await handleBlob(exchange, store, repository, last, signing(repository));
    } else if (last === "") await handleUploadStart(exchange, store, repository);
    else await handleUpload(exchange, store, repository, last);
  }, tls);

  return {
    ...server,
    faults,
    requests,
    tokenRequests: doors.tokenRequests,
    cdn,
    blobs: (name) => bytesOf(store.find(name)?.blobs),
    manifests: (name) => bytesOf(store.find(name)?.manifests),
    tags: (name) => new Map(store.find(name)?.tags),
    sessions: () => store.sessions.size,
    putBlob: (name, bytes, digest) => store.putBlob(name, Buffer.from(bytes as string), digest),
    putManifest(name, manifest, ...tags) {
      const bytes =
        manifest instanceof Uint8Array
          ? Buffer.from(manifest)
          : Buffer.from(JSON.stringify(manifest));
      const mediaType =
        parseManifest(bytes)?.mediaType ?? "application/vnd.oci.image.manifest.v1+json";
      const digest = digestOf(bytes);
      store.open(name).manifests.set(digest, { bytes, mediaType });
      for (const tag of tags) store.open(name).tags.set(tag, digest);
      return digest;
    },
    refreshToken: (user) => doors.refreshToken(user),
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]();
      await cdn[Symbol.asyncDispose]();
    },
  };
}

function bytesOf(
  stored: ReadonlyMap<string, { readonly bytes: Buffer }> | undefined,
): Map<string, Buffer> {
  return new Map([...(stored ?? [])].map(([digest, { bytes }]) => [digest, bytes]));
}

function failsAnyway(exchange: Exchange): boolean {
  const { rateLimit, serverErrors } = exchange.faults;
  const line = `${exchange.method} ${exchange.record.url}`;
  if (rateLimit !== undefined && (rateLimit.on?.test(line) ?? true) && spend(rateLimit)) {
    const { retryAfter } = rateLimit;
    const headers = retryAfter === undefined ? {} : { "Retry-After": retryAfter };
    exchange.error(429, "TOOMANYREQUESTS", "too many requests", headers);
    return true;
  }
  if (serverErrors !== undefined && (serverErrors.on?.test(line) ?? true) && spend(serverErrors)) {
    exchange.error(serverErrors.status, "UNKNOWN", "the server cannot answer now");
    return true;
  }
  return false;
}

/** What a token must hold, as distribution asks for it. */
function scopesOf(exchange: Exchange, repository: string): string[] {
  if (repository === "") return [];
  const { method } = exchange;
  const from = exchange.url.searchParams.get("from");
  if (method === "GET" || method === "HEAD") {
    const upload = exchange.url.pathname.includes("/blobs/uploads/");
    return [`repository:${repository}:${upload ? "pull,push" : "pull"}`];
  }
  if (method === "DELETE") return [`repository:${repository}:delete`];
  const push = `repository:${repository}:pull,push`;
  const mounts = method === "POST" && exchange.url.searchParams.has("mount") && from !== null;
  return mounts ? [push, `repository:${from}:pull`] : [push];
}
