/**
 * The bytes that a DSSE signature is made over: `DSSEv1 <length> <type> <length> <payload>`, lengths as decimal numbers
 * of bytes (DSSE v1.0.2, pre-authentication encoding).
 */
export function preAuthEncoding(payloadType: string, payload: Uint8Array): Buffer {
  const type = Buffer.from(payloadType, "utf8");
  return Buffer.concat([
    Buffer.from(`DSSEv1 ${type.length} `),
    type,
    Buffer.from(` ${payload.length} `),
    payload,
  ]);
}
