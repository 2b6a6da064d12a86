import { stat } from "node:fs/promises";
import { resolve } from "node:path";
import type { Entry, IndexReader } from "@ctxpack/cache/pack";
import {
  type ContractDifference,
  CtxPackError,
  type CtxUri,
  compareBytewise,
  diffContracts,
  type ResolvedContract,
} from "@ctxpack/identity";
import { findPack } from "./find.ts";
import { identify } from "./identify.ts";
import { describeLocation } from "./inspect.ts";
import { requireContract } from "./pack-config.ts";
import type { Session } from "./session.ts";
import { parseSubject } from "./subject.ts";
import { type Work, type WorkOptions, workOf } from "./work.ts";

export interface DiffOptions extends WorkOptions {
  /** Compare the files of both packs too. */
  readonly outputs?: boolean | undefined;
  /** The pantry to read packs from that are not in the store. */
  readonly from?: string | undefined;
}

/** One path that two outputs do not have in common. */
export interface OutputDifference {
  readonly path: string;
  readonly kind: "added" | "removed" | "changed";
  /** Of a changed file, where both contents were read: the first byte that differs, counted from 0. */
  readonly byte?: number;
  /** Of a JSON file: JSON pointer of the first value that differs; lines are the items of an array. */
  readonly pointer?: string;
}

export interface DiffResult {
  readonly a: CtxUri;
  readonly b: CtxUri;
  readonly contract: readonly ContractDifference[];
  /** Present when asked for. */
  readonly outputs?: readonly OutputDifference[];
}

interface Side {
  readonly uri: CtxUri;
  readonly contract: ResolvedContract;
  readonly index?: IndexReader;
}

/** Compares two contracts, each a contract file or a pack, and the outputs of two packs. */
export async function difference(
  session: Session,
  a: string,
  b: string,
  options: DiffOptions,
): Promise<DiffResult> {
  const work = workOf(options);
  const [left, right] = [
    await side(session, a, options, work),
    await side(session, b, options, work),
  ];
  const contract = diffContracts(left.contract, right.contract);
  if (!left.index || !right.index) return { a: left.uri, b: right.uri, contract };
  const outputs = [...compareOutputs(left.index, right.index)];
  return { a: left.uri, b: right.uri, contract, outputs };
}

async function side(
  session: Session,
  text: string,
  options: DiffOptions,
  work: Work,
): Promise<Side> {
  const isFile = await stat(resolve(session.cwd, text)).then(
    (stats) => stats.isFile(),
    () => false,
  );
  const resolution = isFile ? await identify(session, text, work) : undefined;
  if (resolution && !options.outputs) {
    return { uri: resolution.uri, contract: resolution.resolved };
  }
  if (!resolution && !isSubject(text)) {
    throw new CtxPackError(
      "CTXPACK_E_PATH_NOT_FOUND",
      `"${text}" is no contract file and no pack`,
      {
        hint: "name a contract file, ctx://sha256:<hex>, its first digits, or a tag as oci:DIR:TAG",
      },
    );
  }
  const location = await findPack(session, resolution?.uri ?? text, options, work);
  const { config, index } = await describeLocation(session, location, work);
  const contract = requireContract(config, location.uri);
  return { uri: location.uri, contract, ...(options.outputs && { index }) };
}

function isSubject(text: string): boolean {
  try {
    parseSubject(text);
    return true;
  } catch {
    return false;
  }
}

/** Walks two sorted lists of entries side by side. Bytes are compared by digest. */
export function* compareOutputs(a: IndexReader, b: IndexReader): Generator<OutputDifference> {
  const left = a.entries()[Symbol.iterator]();
  const right = b.entries()[Symbol.iterator]();
  let before = left.next();
  let after = right.next();
  while (!before.done || !after.done) {
    const order = before.done
      ? 1
      : after.done
        ? -1
        : compareBytewise(before.value.path, after.value.path);
    if (order < 0) yield { path: (before.value as Entry).path, kind: "removed" };
    else if (order > 0) yield { path: (after.value as Entry).path, kind: "added" };
    else if (meaning(before.value as Entry) !== meaning(after.value as Entry)) {
      yield { path: (before.value as Entry).path, kind: "changed" };
    }
    if (order <= 0) before = left.next();
    if (order >= 0) after = right.next();
  }
}

/** What an entry is, without where it lies in the tar. */
function meaning(entry: Entry): string {
  if ("dir" in entry) return "folder";
  if ("link" in entry) return `link ${entry.link}`;
  return `${entry.exec ? "executable" : "file"} ${entry.digest}`;
}
