import { CtxPackError, type CtxUri, digestHex, uriDigest } from "@ctxpack/identity";
import {
  type Descriptor,
  fetchBytes,
  MANIFEST_LIMIT,
  type ReadOnlyStorage,
  type ReferrerLister,
  type Resolver,
} from "@ctxpack/oci";
import type { PantryConfig } from "../config.ts";
import { openPantry, type Pantry } from "../pantry.ts";
import type { Session } from "../session.ts";
import { type LegacyManifest, parseLegacyManifest } from "./manifest.ts";

/** A pack of the first prototype where it was found: nothing but its manifest has been read. */
export interface FoundLegacy {
  /** The pantry's address. */
  readonly address: string;
  readonly place?: string;
  readonly source: ReadOnlyStorage & Partial<ReferrerLister & Resolver>;
  /** What was asked for; the tag vouches for 12 of its digits only. */
  readonly uri: CtxUri;
  readonly descriptor: Descriptor;
  readonly manifest: LegacyManifest;
}

/** The tag the prototype gave a pack. */
function legacyTag(uri: CtxUri): string {
  return digestHex(uriDigest(uri)).slice(0, 12);
}

/**
 * Looks for a v0 pack of a whole URI in one pantry; `undefined` when there is none. Throws CTXPACK_E_PACK
 * or CTXPACK_E_MANIFEST when something else has its tag.
 */
export async function lookUpLegacy(
  pantry: Pantry,
  uri: CtxUri,
  signal: AbortSignal,
): Promise<FoundLegacy | undefined> {
  try {
    const read = await readLegacy(pantry, legacyTag(uri), signal);
    const { address, place, target: source } = pantry;
    return { address, place, source, uri, ...read };
  } catch (error) {
    if (CtxPackError.isInstance(error) && error.code === "CTXPACK_E_NOT_FOUND") return undefined;
    throw error;
  }
}

async function readLegacy(
  pantry: Pantry,
  tag: string,
  signal: AbortSignal,
): Promise<Pick<FoundLegacy, "descriptor" | "manifest">> {
  const descriptor = await pantry.target.resolve(tag, { signal });
  const bytes = await fetchBytes(pantry.target, descriptor, { maxBytes: MANIFEST_LIMIT, signal });
  return { descriptor, manifest: parseLegacyManifest(bytes, descriptor) };
}

/** What a tag that leads to no pack is told when it is the one of a v0 pack: 12 digits name nothing. */
export async function explainTag(
  pantry: Pantry,
  tag: string,
  error: unknown,
  signal: AbortSignal,
): Promise<unknown> {
  if (!CtxPackError.isInstance(error) || error.code !== "CTXPACK_E_PACK") return error;
  if (!/^[0-9a-f]{12}$/.test(tag)) return error;
  try {
    await readLegacy(pantry, tag, signal);
  } catch {
    signal.throwIfAborted();
    return error;
  }
  return new CtxPackError(
    "CTXPACK_E_UNSUPPORTED",
    `${pantry.address}:${tag} is a v0 pack of the first prototype: it is read by its whole URI only`,
    {
      hint: `write ctx://sha256:${tag}… with all 64 digits, and --from ${pantry.address}`,
      cause: error,
      details: { pantry: pantry.address, tag, profile: "v0" },
    },
  );
}

/** The v0 pack in the first of these pantries that has one. A pantry that cannot be opened has none. */
export async function findLegacy(
  session: Session,
  uri: CtxUri,
  pantries: readonly (string | PantryConfig)[],
  signal: AbortSignal,
): Promise<FoundLegacy | undefined> {
  for (const given of pantries) {
    // Whoever asks has looked here for a pack before: a pantry that fails has been reported.
    const pantry = await openPantry(session, given, signal).catch((error: unknown) => {
      signal.throwIfAborted();
      if (!CtxPackError.isInstance(error)) throw error;
    });
    const found = pantry && (await lookUpLegacy(pantry, uri, signal));
    if (found) return found;
  }
  return undefined;
}

/** The error of everything a v0 pack is not good for: it is never a result, an input, or pushed again. */
export function readOnlyLegacy({ uri, address }: FoundLegacy): CtxPackError {
  return new CtxPackError(
    "CTXPACK_E_UNSUPPORTED",
    `${uri} is a v0 pack of the first prototype, in ${address}: read only`,
    {
      hint: "ctxpack pull --to, inspect, ls and cat read it; ctxpack seed makes a pack of what it holds",
      details: { uri, pantry: address, profile: "v0" },
    },
  );
}
