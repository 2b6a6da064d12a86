import type { Dirent } from "node:fs";
import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { CtxPackError, type Digest, isDigest, type JsonValue, sha256 } from "@ctxpack/identity";
import type { ContentDraft } from "../run/draft.ts";
import { MAX_CONTENT } from "../run/limits.ts";
import { parseJson } from "../source/json.ts";
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

/** The packs of the earlier tool's store, in the order of their ids. `dir` is the folder called `.ctx`. */
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
    const { value, duplicates } = parseJson(
      new TextDecoder("utf-8", { fatal: true }).decode(bytes),
    );
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
      return { text: new TextDecoder().decode(bytes) };
    },
  };
}

async function readObject(dir: string, digest: Digest): Promise<Uint8Array> {
  const hex = digest.slice("sha256:".length);
  const path = join(dir, "objects", hex.slice(0, 2), hex.slice(2));
  let bytes: Uint8Array;
  try {
    const { size } = await stat(path);
    if (size > MAX_CONTENT) throw damaged(`${path}: ${size} bytes`);
    bytes = await readFile(path);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== "ENOENT") throw cause;
    throw new CtxPackError("CTXPACK_E_NOT_FOUND", `${dir} has no ${digest}`, { cause });
  }
  const found = sha256(bytes);
  if (found === digest) return bytes;
  throw new CtxPackError("CTXPACK_E_DIGEST_MISMATCH", `${path}: its bytes are ${found}`, {
    hint: "that store is damaged",
    details: { expected: digest, found },
  });
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
  return new CtxPackError("CTXPACK_E_TRACE", message);
}
