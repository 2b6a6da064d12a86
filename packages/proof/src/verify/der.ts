/** One value of DER (X.690): its identifier octet, and its contents. */
export interface DerValue {
  readonly tag: number;
  readonly contents: Buffer;
}

/** The identifier octets that certificates' names are made of. */
export const DER_TAGS = {
  octetString: 0x04,
  objectId: 0x06,
  utf8String: 0x0c,
  sequence: 0x30,
} as const;

/**
 * The values that stand one after the other in `bytes`; `undefined` unless they fill it exactly. Tags above 30 and
 * lengths of 4 GiB are not read: no certificate has them.
 */
export function readDer(bytes: Buffer): readonly DerValue[] | undefined {
  const values: DerValue[] = [];
  for (let at = 0; at < bytes.length; ) {
    const tag = bytes[at] as number;
    const first = bytes[at + 1];
    if (first === undefined || (tag & 0x1f) === 0x1f) return undefined;
    const octets = first < 0x80 ? 0 : first - 0x80;
    const start = at + 2 + octets;
    if (first === 0x80 || octets > 3 || start > bytes.length) return undefined;
    const length = octets === 0 ? first : bytes.readUIntBE(at + 2, octets);
    if (start + length > bytes.length) return undefined;
    values.push({ tag, contents: bytes.subarray(start, start + length) });
    at = start + length;
  }
  return values;
}

/** The one value that `bytes` is; `undefined` when it is not exactly one, or has another tag. */
export function readOne(bytes: Buffer, tag: number): Buffer | undefined {
  const values = readDer(bytes);
  const [value] = values ?? [];
  return values?.length === 1 && value?.tag === tag ? value.contents : undefined;
}

/** UTF-8 as text; `undefined` when it is none. */
export function utf8(bytes: Buffer): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}
