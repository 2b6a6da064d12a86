// People by keyed hash: who has the key can find a known person again, who has not can only tell that two are the same.
import { createHmac } from "node:crypto";

/** Wider than any standard: an address that is missed would be published. A dot at the end belongs to the sentence. */
const ADDRESS = /[^\s<>"(),:;@]+@[^\s<>"(),:;@]*[^\s<>"(),:;@.]/gu;

/** Makes pseudonyms with a key of 64 hex digits. A word that people think of will not do: addresses and words can be tried. */
export function pseudonyms(key: string | undefined): {
  /** Of the address in a field such as `Jane Doe <jane@example.org>`; the name is dropped. */
  of(field: string): string | null;
  /** A text with each address replaced. */
  within(text: string): string;
} {
  if (key === undefined || !/^[0-9a-f]{64}$/.test(key)) {
    throw new Error("PSEUDONYM_KEY is not 64 hex digits: make one with `openssl rand -hex 32`");
  }
  const bytes = Buffer.from(key, "hex");
  const one = (address: string): string => {
    const hash = createHmac("sha256", bytes).update(address.toLowerCase()).digest("hex");
    return `person-${hash.slice(0, 16)}`;
  };
  return {
    of(field) {
      const address = field.match(ADDRESS)?.at(-1);
      return address === undefined ? null : one(address);
    },
    within: (text) => text.replace(ADDRESS, one),
  };
}
