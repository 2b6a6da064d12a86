import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Contender } from "./measure.ts";

/** A blob of a pack, where it lies in a store. */
export interface PackBlob {
  readonly hex: string;
  readonly size: number;
}

/** The floor that transfers are measured against: curl, which checks nothing and unpacks nothing. */
export interface CurlPlace {
  /** A folder of ours. */
  readonly scratch: string;
  /** http://host:port */
  readonly origin: string;
  readonly inside?: readonly string[];
  /** Uploads go to repositories that begin with this. */
  readonly repository?: string;
}

/** The blobs of the one pack that a store holds, without its manifest: that is no blob to a registry. */
export function blobsOf(store: string): PackBlob[] {
  const dir = join(store, "blobs/sha256");
  return readdirSync(dir).flatMap((hex) => {
    const bytes = readFileSync(join(dir, hex));
    return bytes.includes('"schemaVersion":2') ? [] : [{ hex, size: bytes.length }];
  });
}

/**
 * The blobs of one pack of a store, from its manifest on: config, index, segments. Throws an Error when it is not there.
 *
 * @param uri of the pack: the digest of its config.
 */
export function packBlobs(store: string, uri: string): PackBlob[] {
  const dir = join(store, "blobs/sha256");
  const config = uri.slice("ctx://".length);
  for (const hex of readdirSync(dir)) {
    if (statSync(join(dir, hex)).size > MAX_MANIFEST) continue;
    const text = readFileSync(join(dir, hex), "utf8");
    if (!text.includes('"schemaVersion":2') || !text.includes(config)) continue;
    const manifest = JSON.parse(text) as Manifest;
    return [manifest.config, ...manifest.layers].map(({ digest, size }) => ({
      hex: digest.slice("sha256:".length),
      size,
    }));
  }
  throw new Error(`${store} has no manifest of ${uri}`);
}

interface Manifest {
  readonly config: { readonly digest: string; readonly size: number };
  readonly layers: readonly Manifest["config"][];
}

const MAX_MANIFEST = 1 << 20;

/** Downloads blobs to files, `parallel` at a time. */
export function curlDownload(
  place: CurlPlace,
  repository: string,
  blobs: readonly PackBlob[],
  parallel: number,
): Contender {
  const folder = (run: number): string => join(place.scratch, `curl-get-${parallel}-${run}`);
  return {
    name: `\`curl\` of the blobs, ${parallel} at a time (nothing checked)`,
    prepare: (run) => {
      mkdirSync(folder(run));
      const lines = blobs.flatMap(({ hex }) => [
        `url = "${place.origin}/v2/${repository}/blobs/sha256:${hex}"`,
        `output = "${join(folder(run), hex)}"`,
      ]);
      writeFileSync(`${folder(run)}.conf`, `${lines.join("\n")}\n`);
    },
    argv: (run) => [...(place.inside ?? []), ...curl(parallel), "-K", `${folder(run)}.conf`],
    leaves: (run) => [folder(run)],
  };
}

/** Downloads one blob in `parallel` ranges to files. */
export function curlRanges(
  place: CurlPlace,
  url: string,
  size: number,
  parallel: number,
): Contender {
  const folder = (run: number): string => join(place.scratch, `curl-range-${parallel}-${run}`);
  return {
    name: `\`curl\` of the same bytes, ${parallel} range${parallel === 1 ? "" : "s"}`,
    prepare: (run) => {
      mkdirSync(folder(run));
      const step = Math.ceil(size / parallel);
      const parts = Array.from({ length: parallel }, (_, i) =>
        [
          `url = "${url}"`,
          `range = "${i * step}-${Math.min(size, (i + 1) * step) - 1}"`,
          `output = "${join(folder(run), String(i))}"`,
          "fail",
        ].join("\n"),
      );
      writeFileSync(`${folder(run)}.conf`, `${parts.join("\nnext\n")}\n`);
    },
    argv: (run) => [...(place.inside ?? []), ...curl(parallel), "-K", `${folder(run)}.conf`],
    leaves: (run) => [folder(run)],
  };
}

/** Uploads blobs to a new repository, `parallel` at a time; the sessions are opened before the clock starts. */
export function curlUpload(
  place: CurlPlace,
  store: string,
  blobs: readonly PackBlob[],
  parallel: number,
): Contender {
  const file = (run: number): string => join(place.scratch, `curl-put-${parallel}-${run}.conf`);
  return {
    name: `\`curl\` of the blobs, ${parallel} at a time (sessions open beforehand)`,
    prepare: (run) => {
      const repository = `${place.repository ?? "curl/p"}${parallel}-${run}`;
      const locations = openSessions(place, repository, blobs.length);
      const parts = blobs.map(({ hex }, i) =>
        [
          `url = "${locations[i]}&digest=sha256:${hex}"`,
          `upload-file = "${join(store, "blobs/sha256", hex)}"`,
          'output = "/dev/null"',
          // Without it curl waits a round trip for the leave to send.
          'header = "Expect:"',
          "fail",
        ].join("\n"),
      );
      writeFileSync(file(run), `${parts.join("\nnext\n")}\n`);
    },
    argv: (run) => [...(place.inside ?? []), ...curl(parallel), "-K", file(run)],
  };
}

/** Uploads one file as one blob in one request to a new repository; its session is opened before the clock starts. */
export function curlUploadWhole(place: CurlPlace, source: string): Contender {
  const digest = createHash("sha256").update(readFileSync(source)).digest("hex");
  const config = (run: number): string => join(place.scratch, `curl-whole-${run}.conf`);
  return {
    name: "`curl` of the same bytes, one upload (session open beforehand)",
    prepare: (run) => {
      const [location] = openSessions(place, `${place.repository ?? "curl/"}whole-${run}`, 1);
      const lines = [
        `url = "${location}&digest=sha256:${digest}"`,
        `upload-file = "${source}"`,
        'output = "/dev/null"',
        'header = "Expect:"',
      ];
      writeFileSync(config(run), `${lines.join("\n")}\n`);
    },
    argv: (run) => [...(place.inside ?? []), ...curl(1), "-K", config(run)],
  };
}

function openSessions(place: CurlPlace, repository: string, count: number): string[] {
  const url = `${place.origin}/v2/${repository}/blobs/uploads/`;
  const config = join(place.scratch, "sessions.conf");
  const one = `url = "${url}"\nrequest = "POST"\ndata = ""\ndump-header = "-"\noutput = "/dev/null"`;
  writeFileSync(config, `${Array.from({ length: count }, () => one).join("\nnext\n")}\n`);
  const [program = "", ...args] = [...(place.inside ?? []), "curl", "-s", "-K", config];
  const { stdout } = spawnSync(program, args, { encoding: "utf8", maxBuffer: 64 << 20 });
  const locations = [...stdout.matchAll(/^location: (\S+)/gim)].map((match) => match[1] as string);
  if (locations.length !== count)
    throw new Error(`${url}: ${locations.length} of ${count} sessions`);
  return locations;
}

/** `next` forgets `--fail`, so each part of a config says it again; without `--fail-early` the last transfer decides. */
function curl(parallel: number): readonly string[] {
  const how =
    parallel === 1
      ? []
      : ["--parallel", "--parallel-immediate", "--parallel-max", String(parallel)];
  return ["curl", "-s", "-S", "--fail", "--fail-early", ...how];
}
