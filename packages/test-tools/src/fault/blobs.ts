import { setTimeout as sleep } from "node:timers/promises";
import { gzipSync } from "node:zlib";
import type { Exchange, Headers } from "./exchange.ts";
import { type Faults, spend } from "./faults.ts";
import type { Store } from "./store.ts";

/** HEAD, GET and DELETE of a blob. */
export async function handleBlob(
  exchange: Exchange,
  store: Store,
  repository: string,
  digest: string,
  cdn: { readonly host: string; sign(digest: string): string },
): Promise<void> {
  const { faults, method } = exchange;
  const blobs = store.find(repository)?.blobs;
  const blob = blobs?.get(digest);
  if (blob === undefined) {
    exchange.error(404, "BLOB_UNKNOWN", "blob unknown to registry", {}, { digest });
  } else if (method === "DELETE") {
    blobs?.delete(digest);
    exchange.reply(202);
  } else if (method === "HEAD") {
    headBlob(exchange, digest, blob.bytes);
  } else if (method !== "GET") {
    exchange.error(405, "UNSUPPORTED", "method not allowed");
  } else if (faults.redirectLoop) {
    const hop = Number(exchange.url.searchParams.get("hop") ?? 0) + 1;
    exchange.reply(307, { Location: `${exchange.url.origin}${exchange.url.pathname}?hop=${hop}` });
  } else {
    const target = faults.redirectToHttp ? `http://${cdn.host}` : faults.redirectBlobsTo;
    if (target !== undefined || faults.redirectBlobs) {
      const origin = target ?? `${exchange.url.protocol}//${cdn.host}`;
      exchange.reply(307, { Location: `${origin}${cdn.sign(digest)}` });
    } else {
      await sendBlob(exchange, digest, blob.bytes);
    }
  }
}

function blobHeaders(faults: Faults, digest: string): Headers {
  return {
    "Content-Type": "application/octet-stream",
    "Docker-Content-Digest": faults.wrongDigestHeader ? otherDigest(digest) : digest,
    ETag: `"${digest}"`,
    ...(!faults.noAcceptRanges && { "Accept-Ranges": "bytes" }),
  };
}

/** A digest of the same algorithm that is not this one. */
export function otherDigest(digest: string): string {
  return digest.slice(0, -1) + (digest.endsWith("0") ? "1" : "0");
}

function headBlob(exchange: Exchange, digest: string, bytes: Buffer): void {
  const { faults } = exchange;
  const headers: Record<string, string | number> = { ...blobHeaders(faults, digest) };
  if (faults.headNoDigest) delete headers["Docker-Content-Digest"];
  if (!faults.headNoLength) headers["Content-Length"] = bytes.length;
  exchange.head(200, headers);
  exchange.response.end();
}

/** Answers a GET of these bytes as `Range` and the faults want it (RFC 9110, section 14). */
export async function sendBlob(exchange: Exchange, digest: string, stored: Buffer): Promise<void> {
  const { faults } = exchange;
  const bytes = alter(stored, faults);
  const headers = blobHeaders(faults, digest);
  const wanted = faults.ignoreRange ? undefined : exchange.header("range");
  const match = wanted === undefined ? null : /^bytes=(\d*)-(\d*)$/.exec(wanted);
  const [, first = "", last = ""] = match ?? [];
  if (match === null || (first === "" && last === "")) {
    await sendBody(exchange, 200, headers, bytes);
    return;
  }
  let start = first === "" ? Math.max(0, bytes.length - Number(last)) : Number(first);
  let end = first === "" || last === "" ? bytes.length - 1 : Number(last);
  end = Math.min(end, bytes.length - 1);
  if (start > end || (faults.openRange416 && last === "")) {
    const range = { "Content-Range": `bytes */${bytes.length}` };
    exchange.error(416, "RANGE_INVALID", "invalid range", range);
    return;
  }
  if (faults.rangeOffByOne) {
    if (end < bytes.length - 1) end++;
    else start = Math.max(0, start - 1);
  }
  const range = { "Content-Range": `bytes ${start}-${end}/${bytes.length}` };
  await sendBody(exchange, 206, { ...headers, ...range }, bytes.subarray(start, end + 1));
}

function alter(stored: Buffer, faults: Faults): Buffer {
  const { corruptByteAt, trailingBytes = 0, shortBody = 0 } = faults;
  let bytes = stored;
  if (corruptByteAt !== undefined && corruptByteAt < bytes.length) {
    bytes = Buffer.from(bytes);
    bytes[corruptByteAt] = (bytes[corruptByteAt] ?? 0) ^ 0x01;
  }
  if (trailingBytes > 0) bytes = Buffer.concat([bytes, Buffer.alloc(trailingBytes, "x")]);
  return shortBody > 0 ? bytes.subarray(0, Math.max(0, bytes.length - shortBody)) : bytes;
}

async function sendBody(
  exchange: Exchange,
  status: number,
  headers: Headers,
  plain: Buffer,
): Promise<void> {
  const { faults, response, record } = exchange;
  const bytes = faults.gzipEncoding ? gzipSync(plain) : plain;
  const encoding = faults.gzipEncoding ? { "Content-Encoding": "gzip" } : {};
  exchange.head(status, { ...headers, ...encoding, "Content-Length": bytes.length });
  const write = async (part: Buffer): Promise<void> => {
    record.bytesOut += part.length;
    await new Promise<void>((resolve) => {
      // The callback of a write to a dead connection may never come; its close does.
      response.once("close", resolve);
      response.write(part, () => {
        response.off("close", resolve);
        resolve();
      });
    });
  };
  const { dropBodyAfter: drop, stallBodyAfter: stall, drip } = faults;
  if (drop !== undefined && bytes.length > drop.bytes && spend(drop)) {
    response.flushHeaders();
    if (drop.bytes > 0) await write(bytes.subarray(0, drop.bytes));
    response.socket?.destroy();
  } else if (stall !== undefined && bytes.length > stall.bytes && spend(stall)) {
    response.flushHeaders();
    if (stall.bytes > 0) await write(bytes.subarray(0, stall.bytes));
  } else if (drip !== undefined) {
    const step = Math.max(1, Math.floor(drip / 20));
    for (let at = 0; at < bytes.length && !response.destroyed; at += step) {
      await write(bytes.subarray(at, at + step));
      await sleep((step / drip) * 1000);
    }
    response.end();
  } else {
    record.bytesOut += bytes.length;
    response.end(bytes);
  }
}
