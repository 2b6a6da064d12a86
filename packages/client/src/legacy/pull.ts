import { resolve } from "node:path";
import { CtxPackError, type CtxUri, type Digest } from "@ctxpack/identity";
import type { PullOptions, PullResult } from "../pull.ts";
import { compileSelection } from "../selection.ts";
import type { Session } from "../session.ts";
import type { Work } from "../work.ts";
import { extractTo } from "./extract.ts";
import { type FoundLegacy, readOnlyLegacy } from "./find.ts";
import { LegacyPack } from "./pack.ts";
import { expectRoom } from "./place.ts";

/** A pack of the first prototype that was copied into a folder: it never enters the store. */
export interface LegacyPullResult {
  readonly profile: "v0";
  readonly uri: CtxUri;
  /** The folder that holds the files, `manifest.json` among them. */
  readonly path: string;
  /** The address of the pantry it came from. */
  readonly source: string;
  readonly manifest: Digest;
  /** Of the whole pack, also when only a part was asked for. */
  readonly files: number;
  /** Sum of the sizes of the files. */
  readonly content: number;
  readonly blobs: PullResult["blobs"];
  /** Compressed bytes. */
  readonly bytes: PullResult["bytes"];
  readonly verified: "policy" | "no policy";
}

/** Copies a v0 pack into the folder that `to` names. */
export async function pullLegacy(
  session: Session,
  found: FoundLegacy,
  options: PullOptions,
  work: Work,
): Promise<LegacyPullResult> {
  const to = await targetOf(session, found, options, work);
  await using pack = await LegacyPack.open(session, found, work);
  const selection = compileSelection(options.only);
  selection?.requireMatches(found.uri, pack.entries());
  await extractTo(pack, to, selection?.selects ?? (() => true), work);
  const { files, bytes } = pack.contents;
  return {
    profile: "v0",
    uri: found.uri,
    path: to,
    source: found.address,
    manifest: found.descriptor.digest,
    files,
    content: bytes,
    blobs: { fetched: 1, existing: 0 },
    bytes: { fetched: found.manifest.layer.size, existing: 0 },
    verified: session.gate ? "policy" : "no policy",
  };
}

/** Where the files go. Said before anything is fetched. */
async function targetOf(
  session: Session,
  found: FoundLegacy,
  options: PullOptions,
  work: Work,
): Promise<string> {
  if (options.to !== undefined && !options.pin) {
    const to = resolve(session.cwd, options.to);
    await expectRoom(to, (await session.store(work.signal)).dir);
    return to;
  }
  const { message, details } = readOnlyLegacy(found);
  const what = options.pin ? "it cannot be pinned" : "it has no folder in the store";
  throw new CtxPackError("CTXPACK_E_USAGE", `${message}; ${what}`, {
    hint: "--to DIR copies its files into a folder of your own",
    details,
  });
}
