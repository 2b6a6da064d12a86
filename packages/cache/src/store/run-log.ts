import { type CtxUri, type Digest, isDigest } from "@ctxpack/identity";
import { readBeside, writeBeside } from "./beside.ts";
import type { Parts } from "./parts.ts";

const SCHEMA = "ctxpack.run-log/v1";

/** What one stream said. */
export interface LoggedStream {
  readonly bytes: Uint8Array;
  /** How many more bytes there were. */
  readonly dropped: number;
}

/** What a command printed when it made a pack: kept beside the pack, on this machine only. */
export interface RunLog {
  readonly uri: CtxUri;
  /** Of the output that it made. */
  readonly tree: Digest;
  readonly command: readonly string[];
  /** ISO 8601, UTC. */
  readonly startedAt: string;
  readonly durationMs: number;
  readonly stdout: LoggedStream;
  readonly stderr: LoggedStream;
}

/** `Store.keepLog`: one line of JSON, then what was said on stdout, then on stderr. */
export function writeLog(parts: Parts, log: RunLog): void {
  parts.workspace.expectWritable();
  const { stdout, stderr, ...facts } = log;
  const head = {
    schema: SCHEMA,
    ...facts,
    stdout: { bytes: stdout.bytes.length, dropped: stdout.dropped },
    stderr: { bytes: stderr.bytes.length, dropped: stderr.dropped },
  };
  const line = Buffer.from(`${JSON.stringify(head)}\n`);
  const bytes = Buffer.concat([line, stdout.bytes, stderr.bytes]);
  // Nobody else's: a command may print what only its user should see.
  writeBeside(parts, parts.places.log(log.uri), bytes, 0o600);
}

/** `Store.log`: `undefined` also for a log of another output than the pack's, and for a damaged one. */
export function readLog(parts: Parts, uri: CtxUri): RunLog | undefined {
  return readBeside(parts, parts.places.log(uri), uri, parseLog);
}

function parseLog(file: Buffer): RunLog | undefined {
  const end = file.indexOf(0x0a);
  const { schema, stdout, stderr, ...facts } = JSON.parse(file.toString("utf8", 0, end));
  const middle = end + 1 + stdout.bytes;
  const isLog =
    schema === SCHEMA &&
    isDigest(facts.tree) &&
    Array.isArray(facts.command) &&
    Number.isFinite(facts.durationMs) &&
    middle + stderr.bytes === file.length;
  if (!isLog) return undefined;
  return {
    ...facts,
    stdout: { bytes: file.subarray(end + 1, middle), dropped: stdout.dropped },
    stderr: { bytes: file.subarray(middle), dropped: stderr.dropped },
  };
}
