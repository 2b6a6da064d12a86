import { CtxPackError, type CtxPackErrorCode, type JsonValue, pointerOf } from "@ctxpack/identity";

/** A JSON object. */
export type JsonObject = { readonly [key: string]: JsonValue };

/** What is being read, for errors: their code, the document's name and the path of keys so far. */
export interface MemberPlace {
  readonly code: CtxPackErrorCode;
  readonly where: string;
  readonly path: readonly (string | number)[];
}

/** The place of a member. */
export function at(place: MemberPlace, ...steps: readonly (string | number)[]): MemberPlace {
  return { ...place, path: [...place.path, ...steps] };
}

/** An error about the value at `place`; the value itself is not repeated. */
export function refuse(place: MemberPlace, message: string): CtxPackError {
  const pointer = pointerOf(place.path);
  const name = pointer === "" ? place.where : `${place.where}, ${pointer}`;
  return new CtxPackError(place.code, `${name}: ${message}`, { details: { pointer } });
}

/** The object at `place`. */
export function objectAt(value: unknown, place: MemberPlace): JsonObject {
  if (isObject(value)) return value;
  throw refuse(place, `expected an object, found ${kindOf(value)}`);
}

/** The object at `place`, or an empty one where nothing or null is: SLSA takes them for the same. */
export function optionalObjectAt(value: unknown, place: MemberPlace): JsonObject | undefined {
  return value === undefined || value === null ? undefined : objectAt(value, place);
}

/** The array at `place`, empty where nothing or null is. */
export function listAt(value: unknown, place: MemberPlace, most: number): readonly JsonValue[] {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value)) throw refuse(place, `expected a list, found ${kindOf(value)}`);
  if (value.length > most) {
    throw refuse(place, `${value.length} items, at most ${most} are allowed`);
  }
  return value as readonly JsonValue[];
}

/** The string at `place`, which is not empty. */
export function stringAt(value: unknown, place: MemberPlace): string {
  if (typeof value !== "string") throw refuse(place, `expected a string, found ${kindOf(value)}`);
  if (value === "") throw refuse(place, "an empty string");
  return value;
}

/** The string at `place`; nothing where it is empty, null or absent. */
export function optionalStringAt(value: unknown, place: MemberPlace): string | undefined {
  if (value === undefined || value === null || value === "") return undefined;
  return stringAt(value, place);
}

/** Refuses members other than `known`. */
export function onlyMembers(
  object: JsonObject,
  known: readonly string[],
  place: MemberPlace,
): void {
  for (const key of Object.keys(object)) {
    if (!known.includes(key)) throw refuse(at(place, key), "a member that is not expected here");
  }
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function kindOf(value: unknown): string {
  if (value === undefined) return "nothing";
  if (value === null) return "null";
  if (Array.isArray(value)) return "a list";
  return typeof value === "object" ? "an object" : `a ${typeof value}`;
}
