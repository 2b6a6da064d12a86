import { describe, expect, it } from "vitest";
import { digestOf, type Faults, startFaultRegistry } from "../src/index.ts";

const TYPE = "application/vnd.oci.image.manifest.v1+json";
const text = "0123456789";
const blob = digestOf(Buffer.from(text));
const layer = { mediaType: "text/plain", digest: blob, size: 10 };
const thing = { schemaVersion: 2, mediaType: TYPE, config: layer, layers: [layer, layer] };

/** Asks a registry with a blob, a manifest tagged v1 and another whose subject that is. */
async function ask(
  faults: Faults,
  method: string,
  path: string,
  more: { readonly headers?: Record<string, string>; readonly body?: string } = {},
): Promise<{ status: number; headers: Headers; body: string }> {
  await using registry = await startFaultRegistry(faults);
  registry.putBlob("r", text);
  registry.putBlob("other", text);
  const subject = registry.putManifest("r", thing, "v1");
  registry.putManifest("r", {
    ...thing,
    artifactType: "a/b",
    subject: { mediaType: TYPE, digest: subject, size: 1 },
  });
  const url = `${registry.origin}/v2/r/${path.replace("SUBJECT", subject)}`;
  const answer = await fetch(url, { method, redirect: "manual", ...more });
  return { status: answer.status, headers: answer.headers, body: await answer.text() };
}

type Asked = Awaited<ReturnType<typeof ask>>;
type Row = readonly [
  name: string,
  faults: Faults,
  method: string,
  path: string,
  look: (asked: Asked) => unknown,
  correct: unknown,
  faulty: unknown,
  more?: Parameters<typeof ask>[3],
];

const status = ({ status }: Asked): unknown => status;
const body = ({ body }: Asked): unknown => body;
const header =
  (name: string) =>
  ({ headers }: Asked): unknown =>
    headers.get(name);
const entries = ({ body }: Asked): unknown =>
  (JSON.parse(body) as { manifests: unknown[] }).manifests.length;
const error = ({ status, body }: Asked): unknown =>
  status < 400
    ? status
    : [status, (JSON.parse(body) as { errors: { code: string }[] }).errors[0]?.code];

const blobPath = `blobs/${blob}`;
const put = { headers: { "Content-Type": TYPE }, body: JSON.stringify(thing) };
const moved = { ...put, body: JSON.stringify({ ...thing, annotations: { a: "b" } }) };
const about = { ...put, body: JSON.stringify({ ...thing, subject: { digest: blob } }) };
const mount = `blobs/uploads/?mount=${blob}&from=other`;
const range = { headers: { Range: "bytes=2-4" } };

const rows: readonly Row[] = [
  ["referrers", { referrers: false }, "GET", "referrers/SUBJECT", status, 200, 404],
  ["falseReferrers200", { falseReferrers200: true }, "GET", "referrers/SUBJECT", entries, 1, 0],
  [
    "filtersApplied",
    { filtersApplied: false },
    "GET",
    "referrers/SUBJECT?artifactType=x",
    entries,
    0,
    1,
  ],
  [
    "ociSubject",
    { ociSubject: false },
    "PUT",
    "manifests/s",
    header("oci-subject"),
    blob,
    null,
    about,
  ],
  ["mount 202", { mount: 202 }, "POST", mount, status, 201, 202],
  ["mount 403", { mount: 403 }, "POST", mount, error, 201, [403, "DENIED"]],
  ["mount 401", { mount: 401 }, "POST", mount, error, 201, [401, "UNAUTHORIZED"]],
  [
    "chunkMin",
    { chunkMin: 7 },
    "POST",
    "blobs/uploads/",
    header("oci-chunk-min-length"),
    null,
    "7",
  ],
  [
    "openRange416",
    { openRange416: true },
    "GET",
    blobPath,
    status,
    206,
    416,
    { headers: { Range: "bytes=2-" } },
  ],
  ["ignoreRange", { ignoreRange: true }, "GET", blobPath, body, "234", text, range],
  [
    "noAcceptRanges",
    { noAcceptRanges: true },
    "GET",
    blobPath,
    header("accept-ranges"),
    "bytes",
    null,
  ],
  ["trailingBytes", { trailingBytes: 2 }, "GET", blobPath, body, text, `${text}xx`],
  ["shortBody", { shortBody: 3 }, "GET", blobPath, body, text, "0123456"],
  [
    "gzipEncoding",
    { gzipEncoding: true },
    "GET",
    blobPath,
    header("content-encoding"),
    null,
    "gzip",
  ],
  [
    "headNoDigest",
    { headNoDigest: true },
    "HEAD",
    "manifests/v1",
    header("docker-content-digest"),
    digestOf(Buffer.from(put.body)),
    null,
  ],
  ["headNoLength", { headNoLength: true }, "HEAD", blobPath, header("content-length"), "10", null],
  [
    "wrongDigestHeader",
    { wrongDigestHeader: true },
    "GET",
    blobPath,
    (a) => a.headers.get("docker-content-digest") === blob,
    true,
    false,
  ],
  [
    "hugeManifest",
    { hugeManifest: 5000 },
    "GET",
    "manifests/v1",
    ({ body }) => body.length,
    put.body.length,
    5000,
  ],
  [
    "wrongContentType",
    { wrongContentType: "a/b" },
    "GET",
    "manifests/v1",
    header("content-type"),
    TYPE,
    "a/b",
  ],
  [
    "blobLagMs",
    { blobLagMs: 60_000 },
    "PUT",
    "manifests/n",
    error,
    201,
    [400, "MANIFEST_BLOB_UNKNOWN"],
    put,
  ],
  ["maxLayers", { maxLayers: 1 }, "PUT", "manifests/n", error, 201, [405, "UNSUPPORTED"], put],
  ["maxManifest", { maxManifest: 9 }, "PUT", "manifests/n", error, 201, [413, "SIZE_INVALID"], put],
  [
    "refuseConfigType",
    { refuseConfigType: "text/plain" },
    "PUT",
    "manifests/n",
    error,
    201,
    [400, "MANIFEST_INVALID"],
    put,
  ],
  [
    "tagsImmutable",
    { tagsImmutable: 409 },
    "PUT",
    "manifests/v1",
    error,
    201,
    [409, "TAG_INVALID"],
    moved,
  ],
  ["tagDelete", { tagDelete: false }, "DELETE", "manifests/v1", error, 202, [405, "UNSUPPORTED"]],
  [
    "manifestDelete",
    { manifestDelete: false },
    "DELETE",
    "manifests/SUBJECT",
    error,
    202,
    [405, "UNSUPPORTED"],
  ],
  [
    "linkLoop",
    { linkLoop: true },
    "GET",
    "tags/list",
    header("link"),
    null,
    '</v2/r/tags/list>; rel="next"',
  ],
  [
    "crossOriginLink",
    { crossOriginLink: "http://evil" },
    "GET",
    "tags/list",
    header("link"),
    null,
    '<http://evil/v2/r/tags/list?last=v1>; rel="next"',
  ],
  [
    "nullTags",
    { nullTags: true },
    "GET",
    "tags/list?last=z",
    body,
    '{"name":"r","tags":[]}',
    '{"name":"r","tags":null}',
  ],
  [
    "basic",
    { auth: "basic" },
    "GET",
    blobPath,
    header("www-authenticate"),
    null,
    'Basic realm="fault-registry"',
  ],
  [
    "foreignRealm",
    { auth: "bearer", foreignRealm: "http://evil/t" },
    "GET",
    blobPath,
    header("www-authenticate"),
    null,
    'Bearer realm="http://evil/t",service="fault-registry",scope="repository:r:pull"',
  ],
  [
    "rateLimit",
    { rateLimit: { times: 1, retryAfter: 9 } },
    "GET",
    blobPath,
    header("retry-after"),
    null,
    "9",
  ],
  [
    "htmlErrors",
    { htmlErrors: true },
    "GET",
    "manifests/no",
    header("content-type"),
    "application/json",
    "text/html",
  ],
  [
    "hugeError",
    { hugeError: 9000 },
    "GET",
    "manifests/no",
    ({ body }) => body.length > 9000,
    false,
    true,
  ],
  [
    "warningHeader",
    { warningHeader: '299 - "old"' },
    "GET",
    "tags/list",
    header("warning"),
    null,
    '299 - "old"',
  ],
  ["redirectBlobsTo", { redirectBlobsTo: "http://evil" }, "GET", blobPath, status, 200, 307],
  [
    "foreignLocation",
    { foreignLocation: "http://evil" },
    "POST",
    "blobs/uploads/",
    ({ headers }) => headers.get("location")?.startsWith("http://evil/v2/r/"),
    false,
    true,
  ],
  [
    "locationRelative",
    { locationRelative: true },
    "POST",
    "blobs/uploads/",
    ({ headers }) => headers.get("location")?.startsWith("/v2/r/"),
    false,
    true,
  ],
  [
    "redirectLoop",
    { redirectLoop: true },
    "GET",
    blobPath,
    ({ headers }) => headers.get("location")?.endsWith(`${blob}?hop=1`) ?? false,
    false,
    true,
  ],
  [
    "redirectToHttp",
    { redirectToHttp: true },
    "GET",
    blobPath,
    ({ headers }) => headers.get("location")?.startsWith("http:") ?? false,
    false,
    true,
  ],
];

describe("each fault, and the same request without it", () => {
  for (const [name, faults, method, path, look, correct, faulty, more] of rows) {
    it(name, async () => {
      expect(look(await ask({}, method, path, more))).toEqual(correct);
      expect(look(await ask(faults, method, path, more))).toEqual(faulty);
    });
  }
});
