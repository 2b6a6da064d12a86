import { type DerValue, readDer } from "../verify/der.ts";

/** What a timestamp says, as far as whoever asked for it has to look. */
export interface StampedTime {
  /** Whose time it is: SHA-256 of what was stamped. */
  readonly digest: Buffer;
  readonly time: Date;
}

/** PKIStatus `granted` and `grantedWithMods` (RFC 3161 §2.4.2). */
const GRANTED: readonly number[] = [0, 1];

const SHA256 = Buffer.from("608648016503040201", "hex");

/**
 * Reads a TimeStampResp (RFC 3161 §2.4.2, DER); its signature is for verifiers. `undefined` for everything that is not a
 * granted timestamp over a SHA-256.
 */
export function parseTimestampResponse(der: Buffer): StampedTime | undefined {
  // TimeStampResp { PKIStatusInfo { status }, ContentInfo { id-signedData, [0] SignedData } }
  const [statusInfo, contentInfo] = within(readDer(der)?.[0]);
  const [status] = within(statusInfo);
  if (status?.contents.length !== 1 || !GRANTED.includes(status.contents[0] ?? -1))
    return undefined;
  const signedData = within(within(contentInfo)[1])[0];
  // SignedData { version, digestAlgorithms, EncapsulatedContentInfo { id-ct-TSTInfo, [0] OCTET STRING }, … }
  const content = within(within(within(signedData)[2])[1])[0];
  const info = within(readDer(content?.contents ?? Buffer.alloc(0))?.[0]);
  // TSTInfo { version, policy, MessageImprint { AlgorithmIdentifier { id }, hash }, serialNumber, genTime, … }
  const [algorithm, digest] = within(info[2]);
  const time = generalizedTime(info[4]?.contents.toString("latin1") ?? "");
  const isSha256 = within(algorithm)[0]?.contents.equals(SHA256) ?? false;
  if (!isSha256 || digest?.contents.length !== 32 || time === undefined) return undefined;
  return { digest: digest.contents, time };
}

function within(value: DerValue | undefined): readonly DerValue[] {
  return (value && readDer(value.contents)) ?? [];
}

/** GeneralizedTime in UTC, as DER has it: `20260101120000Z`, `20260101120000.5Z`. */
function generalizedTime(text: string): Date | undefined {
  const parts = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(\.\d{1,9})?Z$/.exec(text);
  if (parts === null) return undefined;
  const [, year, month, day, hour, minute, second, fraction = ""] = parts;
  const time = new Date(`${year}-${month}-${day}T${hour}:${minute}:${second}${fraction}Z`);
  return Number.isNaN(time.getTime()) ? undefined : time;
}
