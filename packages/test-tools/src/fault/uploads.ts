import type { Exchange, Headers } from "./exchange.ts";
import { spend } from "./faults.ts";
import { hasDigest, Session, type Store } from "./store.ts";

/** POST that begins an upload, mounts a blob or carries it whole. */
export async function handleUploadStart(
  exchange: Exchange,
  store: Store,
  repository: string,
): Promise<void> {
  const { faults } = exchange;
  if (exchange.method !== "POST") {
    exchange.error(405, "UNSUPPORTED", "method not allowed");
    return;
  }
  const query = exchange.url.searchParams;
  const mount = query.get("mount");
  if (mount !== null) {
    const answer = faults.mount ?? 201;
    if (answer === 401 || answer === 403) {
      exchange.error(answer, answer === 401 ? "UNAUTHORIZED" : "DENIED", "mount denied");
      return;
    }
    const found = store.find(query.get("from") ?? "")?.blobs.get(mount);
    if (answer === 201 && found !== undefined) {
      store.putBlob(repository, found.bytes, mount);
      created(exchange, repository, mount);
      return;
    }
  }
  const session = new Session(repository);
  const digest = query.get("digest");
  if (digest !== null) {
    session.bytes = await exchange.body();
    finish(exchange, store, session, digest);
    return;
  }
  await exchange.body();
  store.sessions.set(session.id, session);
  const { chunkMin, chunkMax } = faults;
  exchange.reply(202, {
    ...locate(exchange, session),
    ...(chunkMin !== undefined && { "OCI-Chunk-Min-Length": chunkMin }),
    ...(chunkMax !== undefined && { "OCI-Chunk-Max-Length": chunkMax }),
    Range: "0-0",
  });
}

/** PATCH, PUT, GET and DELETE of an upload session. */
export async function handleUpload(
  exchange: Exchange,
  store: Store,
  repository: string,
  id: string,
): Promise<void> {
  const { faults, method } = exchange;
  const session = store.sessions.get(id);
  const stale = Number(exchange.url.searchParams.get("_state")) !== session?.state;
  if (session?.repository !== repository || (faults.sessionLostOnBreak && stale)) {
    exchange.error(404, "BLOB_UPLOAD_UNKNOWN", "blob upload unknown to registry");
  } else if (method === "GET") {
    exchange.reply(204, { ...locate(exchange, session), Range: range(exchange, session) });
  } else if (method === "DELETE") {
    store.sessions.delete(id);
    exchange.reply(204);
  } else if (method === "PATCH") {
    await patch(exchange, store, session);
  } else if (method === "PUT") {
    await put(exchange, store, session);
  } else {
    exchange.error(405, "UNSUPPORTED", "method not allowed");
  }
}

async function patch(exchange: Exchange, store: Store, session: Session): Promise<void> {
  const { chunkMin = 0, chunkMax = Infinity, patch416Over = Infinity } = exchange.faults;
  const length = Number(exchange.header("content-length") ?? 0);
  if (length > patch416Over) {
    const limit = `${(patch416Over / 1024 / 1024).toFixed(2)}MiB`;
    const text = `the request body is too large and exceeds the maximum permissible limit of ${limit}`;
    exchange.error(416, "UNKNOWN", text);
    return;
  }
  if (length > chunkMax) {
    exchange.html(413, "413 Request Entity Too Large");
    return;
  }
  if (outOfOrder(exchange, session)) return;
  if (exchange.faults.keepLastChunkOnly) session.bytes = Buffer.alloc(0);
  const before = session.bytes.length;
  if (!(await receive(exchange, store, session))) return;
  const got = session.bytes.length - before;
  session.firstChunk ??= got;
  if (got < chunkMin) session.shortChunk = true;
  const headers = { ...locate(exchange, session), Range: range(exchange, session) };
  exchange.reply(exchange.faults.patchStatus ?? 202, headers);
}

async function put(exchange: Exchange, store: Store, session: Session): Promise<void> {
  const { singlePutMax = Infinity, keepLastChunkOnly } = exchange.faults;
  const length = Number(exchange.header("content-length") ?? 0);
  const digest = exchange.url.searchParams.get("digest");
  if (length > singlePutMax) {
    exchange.html(413, "413 Request Entity Too Large");
    return;
  }
  if (digest === null) {
    exchange.error(400, "DIGEST_INVALID", "digest missing");
    return;
  }
  const hasBody = length > 0 || exchange.header("transfer-encoding") !== undefined;
  if (hasBody) {
    if (outOfOrder(exchange, session)) return;
    if (keepLastChunkOnly) session.bytes = Buffer.alloc(0);
    if (!(await receive(exchange, store, session))) return;
  }
  finish(exchange, store, session, digest);
}

/** Reads the body into the session. `false`: the connection is gone. */
async function receive(exchange: Exchange, store: Store, session: Session): Promise<boolean> {
  const { dropUploadAfter: drop, sessionLostOnBreak } = exchange.faults;
  const length = Number(exchange.header("content-length") ?? Infinity);
  const dropAt = drop !== undefined && length > drop.bytes && spend(drop) ? drop.bytes : Infinity;
  // Leaving the loop below early takes the request's socket away from it.
  const { socket } = exchange.request;
  const parts: Buffer[] = [session.bytes];
  let got = 0;
  let broken = false;
  try {
    for await (const chunk of exchange.chunks()) {
      if (got + chunk.length >= dropAt) {
        parts.push(chunk.subarray(0, dropAt - got));
        broken = true;
        break;
      }
      parts.push(chunk);
      got += chunk.length;
    }
  } catch {
    broken = true;
  }
  session.bytes = Buffer.concat(parts);
  session.state++;
  if (!broken) return true;
  if (sessionLostOnBreak) store.sessions.delete(session.id);
  socket.destroy();
  return false;
}

function outOfOrder(exchange: Exchange, session: Session): boolean {
  if (session.shortChunk) {
    exchange.error(400, "SIZE_INVALID", "a chunk before the last is shorter than the minimum");
    return true;
  }
  const wanted = exchange.header("content-range");
  const { strictOrder = true, keepLastChunkOnly } = exchange.faults;
  if (wanted === undefined || !strictOrder || keepLastChunkOnly) return false;
  const [, start, end] = /^(\d+)-(\d+)$/.exec(wanted) ?? [];
  const length = exchange.header("content-length");
  const fits = length === undefined || Number(end) - Number(start) + 1 === Number(length);
  if (Number(start) === session.bytes.length && fits) return false;
  const headers = { ...locate(exchange, session), Range: range(exchange, session) };
  exchange.error(416, "RANGE_INVALID", "chunk out of order", headers);
  return true;
}

function finish(exchange: Exchange, store: Store, session: Session, digest: string): void {
  store.sessions.delete(session.id);
  if (!exchange.faults.keepLastChunkOnly && !hasDigest(session.bytes, digest)) {
    const message = "provided digest did not match uploaded content";
    exchange.error(400, "DIGEST_INVALID", message);
    return;
  }
  store.putBlob(session.repository, session.bytes, digest);
  created(exchange, session.repository, digest);
}

function created(exchange: Exchange, repository: string, digest: string): void {
  const path = `/v2/${repository}/blobs/${digest}`;
  const origin = exchange.faults.locationRelative ? "" : exchange.url.origin;
  exchange.reply(201, { Location: origin + path, "Docker-Content-Digest": digest });
}

function locate(exchange: Exchange, session: Session): Headers {
  const { foreignLocation, locationRelative } = exchange.faults;
  const origin = foreignLocation ?? (locationRelative ? "" : exchange.url.origin);
  const path = `/v2/${session.repository}/blobs/uploads/${session.id}?_state=${session.state}`;
  return { Location: origin + path, "Docker-Upload-UUID": session.id };
}

function range(exchange: Exchange, session: Session): string {
  const { staleRange } = exchange.faults;
  const size = staleRange ? (session.firstChunk ?? 0) : session.bytes.length;
  return `0-${Math.max(0, size - 1)}`;
}
