import { randomBytes } from "node:crypto";

const ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/** A ULID: 48 bits of time in milliseconds, then 80 random bits, as 26 digits of Crockford's base 32. */
export function ulid(time: Date): string {
  let value = BigInt(time.getTime());
  for (const byte of randomBytes(10)) value = (value << 8n) | BigInt(byte);
  let text = "";
  for (let digit = 0; digit < 26; digit++) {
    text = (ALPHABET[Number(value & 31n)] ?? "") + text;
    value >>= 5n;
  }
  return text;
}
