import type { Entry, FileEntry } from "@ctxpack/cache/pack";
import { CtxPackError } from "@ctxpack/identity";
import type { Session } from "../session.ts";
import type { Work } from "../work.ts";
import { type LegacyContents, readContents } from "./contents.ts";
import { type LegacyFacts, parseDescription } from "./description.ts";
import type { FoundLegacy } from "./find.ts";
import { Layer } from "./layer.ts";
import { resolveFile } from "./resolve-path.ts";
import { type LegacyMember, readTar } from "./tar.ts";

/** A v0 pack that has been fetched and found good: every name, and the URI. */
export class LegacyPack implements AsyncDisposable {
  readonly found: FoundLegacy;
  readonly facts: LegacyFacts;
  readonly contents: LegacyContents;
  readonly #layer: Layer;

  private constructor(found: FoundLegacy, layer: Layer, contents: LegacyContents) {
    this.found = found;
    this.contents = contents;
    this.facts = parseDescription(contents.description, found.uri);
    this.#layer = layer;
  }

  /** Asks the policy, fetches the layer and reads all of it. Throws CTXPACK_E_PACK, and what `accept` throws. */
  static async open(session: Session, found: FoundLegacy, work: Work): Promise<LegacyPack> {
    session.warn("v0 pack of the first prototype: read only");
    const manifest = { ...found.manifest, kind: "contract" } as const;
    await session.gate?.judge({ ...found, manifest }, work.signal);
    const layer = await Layer.fetch(session, found, work);
    try {
      const { size } = found.manifest.layer;
      const contents = await readContents(layer.tar(work.signal), size, work.signal);
      return new LegacyPack(found, layer, contents);
    } catch (error) {
      await layer[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Sorted bytewise by path. */
  entries(): Iterable<Entry> {
    return this.contents.entries.values();
  }

  /** The members again, with their contents. */
  members(signal: AbortSignal): AsyncGenerator<LegacyMember> {
    return readTar(this.#layer.tar(signal));
  }

  /** The bytes of the file that `path` leads to. Throws CTXPACK_E_PATH_NOT_FOUND. */
  async *read(path: string, signal: AbortSignal): AsyncGenerator<Uint8Array> {
    const file = this.#fileAt(path);
    for await (const member of this.members(signal)) {
      if (member.kind !== "file" || member.offset !== file.offset) continue;
      yield* member.content;
      return;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#layer[Symbol.asyncDispose]();
  }

  #fileAt(path: string): FileEntry {
    const file = resolveFile(this.contents.entries, path);
    if (file) return file;
    throw new CtxPackError("CTXPACK_E_PATH_NOT_FOUND", `the pack has no file "${path}"`, {
      hint: "ctxpack ls lists the files of a pack",
      details: { path },
    });
  }
}
