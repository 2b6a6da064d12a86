import {
  at,
  type JsonObject,
  type MemberPlace,
  objectAt,
  optionalObjectAt,
  optionalStringAt,
  refuse,
} from "./members.ts";
import type { DigestSet, ResourceDescriptor } from "./statement.ts";

/** Digests of one thing, at most: what sigstore-go allows. */
const MAX_DIGESTS = 32;

/** The members a ResourceDescriptor may have (in-toto Attestation Framework, v1). */
export const DESCRIPTOR_MEMBERS: readonly string[] = [
  "name",
  "uri",
  "digest",
  "content",
  "downloadLocation",
  "mediaType",
  "annotations",
];

/**
 * Reads a ResourceDescriptor. Members that in-toto does not name are left out, as its parsing rules want it.
 *
 * @throws CtxPackError with the place's code for a member of another type, and for one with a malformed digest.
 */
export function readDescriptor(value: unknown, place: MemberPlace): ResourceDescriptor {
  const object = objectAt(value, place);
  const text = (key: string) => {
    const found = optionalStringAt(object[key], at(place, key));
    return found === undefined ? {} : { [key]: found };
  };
  const digest = readDigestSet(object["digest"], at(place, "digest"));
  const annotations = optionalObjectAt(object["annotations"], at(place, "annotations"));
  return {
    ...text("name"),
    ...text("uri"),
    ...(digest === undefined ? {} : { digest }),
    ...text("content"),
    ...text("downloadLocation"),
    ...text("mediaType"),
    ...(annotations === undefined ? {} : { annotations }),
  };
}

/** Reads a digest set: hex for every algorithm, exactly 64 digits for `sha256` and `dirHash1`. */
export function readDigestSet(value: unknown, place: MemberPlace): DigestSet | undefined {
  const object: JsonObject | undefined = optionalObjectAt(value, place);
  if (object === undefined) return undefined;
  const entries = Object.entries(object);
  if (entries.length > MAX_DIGESTS) {
    throw refuse(place, `${entries.length} digests, at most ${MAX_DIGESTS} are allowed`);
  }
  return Object.fromEntries(entries.map(([name, hex]) => [name, readHex(name, hex, place)]));
}

const hexPattern = /^(?:[0-9a-f]{2}){8,64}$/;

function readHex(algorithm: string, value: unknown, place: MemberPlace): string {
  const fixed = algorithm === "sha256" || algorithm === "dirHash1";
  if (typeof value === "string" && hexPattern.test(value) && (!fixed || value.length === 64)) {
    return value;
  }
  const expected = fixed ? "64 lower-case hex digits" : "lower-case hex digits";
  throw refuse(at(place, algorithm), `expected ${expected}`);
}
