const grammar = /^(?:[A-Za-z0-9+/]*|[A-Za-z0-9_-]*)={0,2}$/;

/**
 * The bytes that base64 stands for: the standard or the URL-safe alphabet, not both in one text, with or without
 * padding. `undefined` for everything else, also where bits are set that no byte has (RFC 4648 §3.5): what two readers
 * could take for two things is not taken at all.
 */
export function decodeBase64(text: string): Buffer | undefined {
  if (!grammar.test(text)) return undefined;
  const start = text.indexOf("=");
  const digits = start === -1 ? text : text.slice(0, start);
  if (start !== -1 && text.length % 4 !== 0) return undefined;
  const bytes = Buffer.from(digits, "base64");
  const urlSafe = digits.replaceAll("+", "-").replaceAll("/", "_");
  return bytes.toString("base64url") === urlSafe ? bytes : undefined;
}

/** Standard base64 with padding, as bundles are written. */
export function encodeBase64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("base64");
}
