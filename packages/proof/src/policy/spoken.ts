/** `a`, `a or b`, `a, b or c`; each once. */
export function orList(items: readonly string[]): string {
  const unique = [...new Set(items)];
  if (unique.length < 2) return unique.join("");
  return `${unique.slice(0, -1).join(", ")} or ${unique.at(-1)}`;
}

/** A digest as a person can tell it from others: its first twelve digits. */
export function shortDigest(digest: string): string {
  return `${digest.slice(0, "sha256:".length + 12)}…`;
}
