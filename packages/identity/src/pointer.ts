/** The JSON pointer (RFC 6901) of a path of keys and indices; `""` is the whole value. */
export function pointerOf(path: readonly (string | number)[]): string {
  let pointer = "";
  for (const step of path) pointer += `/${escapeStep(step)}`;
  return pointer;
}

/** The keys of a JSON pointer, unescaped; indices are decimal strings. */
export function pointerSteps(pointer: string): string[] {
  if (pointer === "") return [];
  return pointer.slice(1).split("/").map(unescapeStep);
}

function escapeStep(step: string | number): string {
  return typeof step === "number" ? String(step) : step.replaceAll("~", "~0").replaceAll("/", "~1");
}

function unescapeStep(step: string): string {
  return step.replaceAll("~1", "/").replaceAll("~0", "~");
}
