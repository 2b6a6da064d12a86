import { constants, type Dirent } from "node:fs";
import { type FileHandle, open, readdir } from "node:fs/promises";
import { join } from "node:path";
import {
  CtxPackError,
  type Digest,
  isDigest,
  type JsonValue,
  sha256,
  visible,
} from "@ctxpack/identity";
import type { ContentDraft } from "../run/draft.ts";
import { MAX_CONTENT } from "../run/limits.ts";
import { JsonSyntaxError, type ParsedJson, parseJson } from "../source/json.ts";
import type { LogSource } from "../source/log.ts";
import { isObject } from "../source/log.ts";
import { type ExecutionTexts, readExecution } from "./execution-log.ts";
import { goJson } from "./go-json.ts";
import type { ImportedRun } from "./imported.ts";

type Members = { readonly [key: string]: JsonValue };

/** Members of a manifest that refer to a text, by the name of the member that holds it in a log. */
const REFERENCES: Readonly<Record<string, string>> = {
  system_prompt: "system_prompt",
  content: "content_ref",
  output: "output_ref",
};

/**
 * The earlier tool's manifest without its store: its texts are elsewhere. Its `hash`, when it has one, has to be that
 * of its bytes.
 */
export async function* importManifest(log: LogSource): AsyncGenerator<ImportedRun> {
  const { value, duplicates } = await log.document();
  if (!isObject(value)) throw log.broken(1, "no manifest");
  const id = manifestId(value);
  if (typeof value["hash"] === "string" && value["hash"] !== "" && id === undefined) {
    throw new CtxPackError(
      "CTXPACK_E_DIGEST_MISMATCH",
      `${log.options.file}: its bytes are not those of its hash`,
      {
        hint: "the manifest was changed after it was packed",
        details: { expected: value["hash"] },
      },
    );
  }
  const facts = { ...log.facts, duplicates, ...(id !== undefined && { id }) };
  yield {
    key: id ?? "",
    format: "execution-log",
    parts: readExecution(value, facts, referring(undefined)),
  };
}

/**
 * The packs of the earlier tool's store, in the order of their ids. `dir` is the folder called `.ctx`; no link in it is
 * followed to a file.
 *
 * @throws CtxPackError `CTXPACK_E_TRACE` for what is no manifest, text or regular file of at most {@link MAX_CONTENT}
 *   bytes, `CTXPACK_E_DIGEST_MISMATCH`, `CTXPACK_E_NOT_FOUND`, `CTXPACK_E_PATH_NOT_FOUND`.
 */
export async function* importExecutionStore(
  dir: string,
  options: { readonly signal?: AbortSignal | undefined } = {},
): AsyncGenerator<ImportedRun> {
  const names = (await entriesOf(join(dir, "packs")))
    .map(({ name }) => name)
    .filter((name) => /^[0-9a-f]{64}$/.test(name));
  for (const name of names.sort()) {
    options.signal?.throwIfAborted();
    const id: Digest = `sha256:${name}`;
    const bytes = await readObject(dir, id);
    const { value, duplicates } = parseManifest(textOf(bytes, dir, id), dir, id);
    if (!isObject(value)) throw damaged(`${dir}: ${id} is no manifest`);
    const facts = { digest: sha256(bytes), size: bytes.length, id, duplicates };
    yield { key: id, format: "execution-log", parts: readExecution(value, facts, referring(dir)) };
  }
}

/** The id of a manifest that says it: its hash is over its own bytes with an empty `hash`, sorted or as it stands. */
function manifestId(value: Members): string | undefined {
  const { hash } = value;
  if (typeof hash !== "string" || hash === "") return undefined;
  const blank = { ...value, hash: "" };
  const { context_pack: _, ...plain } = blank as Members;
  const forms = [goJson(blank, true), goJson(blank, false), goJson(plain, true)];
  return forms.some((text) => sha256(new TextEncoder().encode(text)) === hash) ? hash : undefined;
}

/** Texts by reference: read from the store in `dir` and checked, or known to be elsewhere. */
function referring(dir: string | undefined): ExecutionTexts {
  return {
    async text(fields, key): Promise<ContentDraft | undefined> {
      const named = REFERENCES[key] ?? key;
      const reference = fields.text(fields.has(named) ? named : key);
      if (reference === undefined) return undefined;
      // An empty output has an empty reference and no blob.
      if (reference === "") return { text: "" };
      if (dir === undefined || !isDigest(reference)) return { absent: "external", reference };
      const bytes = await readObject(dir, reference);
      return { text: textOf(bytes, dir, reference) };
    },
  };
}

function textOf(bytes: Uint8Array, dir: string, digest: Digest): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw damaged(`${dir}: ${digest} is not UTF-8`);
  }
}

function parseManifest(text: string, dir: string, id: Digest): ParsedJson {
  try {
    return parseJson(text);
  } catch (error) {
    if (!(error instanceof JsonSyntaxError)) throw error;
    throw damaged(`${dir}: ${id} is no manifest: ${error.message}`);
  }
}

async function readObject(dir: string, digest: Digest): Promise<Uint8Array> {
  const hex = digest.slice("sha256:".length);
  const path = join(dir, "objects", hex.slice(0, 2), hex.slice(2));
  await using file = await openObject(path, dir, digest);
  const stats = await file.stat();
  if (!stats.isFile()) throw damaged(`${path} is no regular file`);
  const bytes = stats.size > MAX_CONTENT ? undefined : await readAtMost(file, MAX_CONTENT);
  if (bytes === undefined) throw damaged(`${path}: more than ${MAX_CONTENT} bytes`);
  const found = sha256(bytes);
  if (found === digest) return bytes;
  throw new CtxPackError("CTXPACK_E_DIGEST_MISMATCH", `${path}: its bytes are ${found}`, {
    hint: "that store is damaged",
    details: { expected: digest, found },
  });
}

/** A store comes from anywhere: a link would read what is not its own, a FIFO would wait for a writer for ever. */
async function openObject(path: string, dir: string, digest: Digest): Promise<FileHandle> {
  const flags = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0);
  try {
    return await open(path, flags);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === "ENOENT") {
      throw new CtxPackError("CTXPACK_E_NOT_FOUND", `${dir} has no ${digest}`, { cause });
    }
    if (["ELOOP", "EMLINK", "ENXIO"].includes(code ?? "")) {
      throw damaged(`${path} is no regular file`);
    }
    throw cause;
  }
}

/** The bytes of a file, which may grow while it is read; undefined when they are more than `limit`. */
async function readAtMost(file: FileHandle, limit: number): Promise<Uint8Array | undefined> {
  const pieces: Uint8Array[] = [];
  let size = 0;
  for await (const piece of file.createReadStream({ autoClose: false, end: limit })) {
    pieces.push(piece as Uint8Array);
    size += (piece as Uint8Array).length;
  }
  return size > limit ? undefined : Buffer.concat(pieces);
}

async function entriesOf(dir: string): Promise<Dirent[]> {
  try {
    return await readdir(dir, { withFileTypes: true });
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== "ENOENT") throw cause;
    throw new CtxPackError("CTXPACK_E_PATH_NOT_FOUND", `${dir} does not exist`, { cause });
  }
}

function damaged(message: string): CtxPackError {
  return new CtxPackError("CTXPACK_E_TRACE", visible(message));
}
