import type { CtxUri, Digest, JsonValue } from "@ctxpack/identity";
import type { Session } from "../session.ts";
import type { Work } from "../work.ts";
import type { FoundLegacy } from "./find.ts";
import { LegacyPack } from "./pack.ts";

/** What made a pack of the first prototype and what it holds. */
export interface LegacyDescription {
  readonly profile: "v0";
  readonly uri: CtxUri;
  /** The pantry's address. */
  readonly where: string;
  readonly manifest: Digest;
  readonly layer: Digest;
  readonly files: number;
  readonly bytes: {
    /** Sum of the sizes of the files. */
    readonly content: number;
    /** What a pull transfers. */
    readonly packed: number;
  };
  /** As the pack holds it; numbers beyond a double are rounded. */
  readonly contract: JsonValue;
  /** The text whose sha256 the URI is. */
  readonly hashed: string;
  /** What the prototype said of the run; nobody vouches for it. */
  readonly provenance: JsonValue;
}

/** Describes a v0 pack. Its contract lies in its one layer, so all of it is fetched. */
export async function inspectLegacy(
  session: Session,
  found: FoundLegacy,
  work: Work,
): Promise<LegacyDescription> {
  await using pack = await LegacyPack.open(session, found, work);
  const { layer } = found.manifest;
  const { contract, hashed, provenance } = pack.facts;
  return {
    profile: "v0",
    uri: found.uri,
    where: found.address,
    manifest: found.descriptor.digest,
    layer: layer.digest,
    files: pack.contents.files,
    bytes: { content: pack.contents.bytes, packed: layer.size },
    contract,
    hashed,
    provenance,
  };
}
