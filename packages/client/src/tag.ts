import { CtxPackError, type CtxUri, type Digest } from "@ctxpack/identity";
import { isTag } from "@ctxpack/oci";
import { identifySubject } from "./find.ts";
import { lookUpLegacy, readOnlyLegacy } from "./legacy/find.ts";
import { lookUp, openWritablePantry, pantryToWrite } from "./pantry.ts";
import type { Session } from "./session.ts";
import { type WorkOptions, workOf } from "./work.ts";

export interface TagOptions extends WorkOptions {
  /** The pantry; the first configured one when absent. */
  readonly to?: string | undefined;
}

export interface TagResult {
  readonly uri: CtxUri;
  readonly pantry: string;
  readonly channel: string;
  readonly manifest: Digest;
}

/** What ctxpack and OCI write themselves. */
const RESERVED = /^(ctx-|map-|sha(256|512)-)/;

/** Points a channel, a name that people remember and that moves, at a pack in a pantry. */
export async function tag(
  session: Session,
  text: string,
  channel: string,
  options: TagOptions,
): Promise<TagResult> {
  const work = workOf(options);
  requireChannel(channel);
  const { uri } = await identifySubject(session, text, work);
  const pantry = await openWritablePantry(session, pantryToWrite(session, options.to), work.signal);
  const found = await lookUp(pantry, uri, work.signal);
  if (!found) {
    const legacy = await lookUpLegacy(pantry, uri, work.signal);
    if (legacy) throw readOnlyLegacy(legacy);
    throw new CtxPackError("CTXPACK_E_NOT_FOUND", `${uri} is not in ${pantry.address}`, {
      hint: "ctxpack push sends it there",
      details: { uri },
    });
  }
  await pantry.target.tag(found.descriptor, channel, work);
  return { uri, pantry: pantry.address, channel, manifest: found.descriptor.digest };
}

function requireChannel(channel: string): void {
  if (isTag(channel) && !RESERVED.test(channel)) return;
  throw new CtxPackError("CTXPACK_E_REFERENCE", `"${channel}" cannot be the name of a channel`, {
    hint: "at most 128 letters, digits, dots, dashes; not starting with ctx-, map- or sha256-",
  });
}
