/** Text that others sent, as one line without anything a terminal obeys; `limit` characters at most. */
export function printable(text: string, limit: number): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, " ").slice(0, limit);
}
