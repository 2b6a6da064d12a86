import { type MemberPlace, refuse } from "./members.ts";

/** Levels of arrays and objects, at most. */
const MAX_DEPTH = 64;

/**
 * Refuses what is nested deeper than 64 levels. Level by level, not by recursion: a megabyte of brackets must not end
 * in a stack overflow.
 */
export function checkDepth(value: unknown, place: MemberPlace): void {
  let level = [value].filter(isContainer);
  for (let depth = 1; level.length > 0; depth++) {
    if (depth > MAX_DEPTH) throw refuse(place, `nested deeper than ${MAX_DEPTH} levels`);
    level = level.flatMap((container) => Object.values(container).filter(isContainer));
  }
}

function isContainer(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}
