const instant =
  /^(\d{4})-(\d{2})-(\d{2})[Tt ](\d{2}):(\d{2}):(\d{2})(?:[.,](\d{1,9})\d*)?(?:\s?([Zz]|[+-]\d{2}:?\d{2}))?$/;

/**
 * A point in time as a run has it: UTC, `Z`, up to nanoseconds, without trailing zeros. A text without a zone counts
 * as UTC. Undefined for what is no point in time, and for Go's zero time, which stands for none.
 */
export function utcTime(text: string): string | undefined {
  const match = instant.exec(text);
  if (match === null) return undefined;
  const [, year, month, day, hour, minute, second, fraction, zone] = match;
  const seconds = Date.UTC(
    Number(year),
    Number(month) - 1,
    Number(day),
    Number(hour),
    Number(minute),
    Number(second),
  );
  const date = new Date(seconds - offsetOf(zone) * 60_000);
  // Date.UTC takes the 31st of June for the 1st of July.
  if (new Date(seconds).getUTCDate() !== Number(day) || Number(hour) > 23) return undefined;
  if (Number(minute) > 59 || Number(second) > 59 || Number(year) < 100) return undefined;
  return spell(date, fraction ?? "");
}

/** The same of nanoseconds since 1970, as OpenTelemetry counts: a decimal integer. */
export function utcTimeOfNanos(nanos: string): string | undefined {
  if (!/^\d{1,20}$/.test(nanos) || BigInt(nanos) === 0n) return undefined;
  const value = BigInt(nanos);
  const date = new Date(Number(value / 1_000_000_000n) * 1000);
  if (Number.isNaN(date.getTime())) return undefined;
  return spell(date, String(value % 1_000_000_000n).padStart(9, "0"));
}

/** The same of seconds since 1970, with or without a fraction. */
export function utcTimeOfSeconds(seconds: number): string | undefined {
  if (!Number.isFinite(seconds) || seconds <= 0 || seconds > 253_402_300_799) return undefined;
  return utcTime(new Date(Math.round(seconds * 1000)).toISOString());
}

/** Which of two points in time comes first: a negative number for `a`. */
export function compareTimes(a: string, b: string): number {
  const [left, right] = [padded(a), padded(b)];
  return left < right ? -1 : left > right ? 1 : 0;
}

function padded(time: string): string {
  const [whole = "", fraction = ""] = time.slice(0, -1).split(".");
  return `${whole}.${fraction.padEnd(9, "0")}`;
}

function offsetOf(zone: string | undefined): number {
  if (zone === undefined || zone === "Z" || zone === "z") return 0;
  const minutes = Number(zone.slice(1, 3)) * 60 + Number(zone.slice(-2));
  return zone.startsWith("-") ? -minutes : minutes;
}

function spell(date: Date, fraction: string): string | undefined {
  const iso = date.toISOString();
  if (!/^\d{4}-/.test(iso)) return undefined;
  const digits = fraction.replace(/0+$/, "");
  return `${iso.slice(0, 19)}${digits === "" ? "" : `.${digits}`}Z`;
}
