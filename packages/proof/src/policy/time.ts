const MINUTE_MS = 60_000;
const duration = /^P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?)?$/;

/** The milliseconds of a duration such as `P90D` or `P1DT12H`; the schema has seen its form. */
export function durationMs(text: string): number {
  const [, days = "0", hours = "0", minutes = "0"] = duration.exec(text) ?? [];
  return ((Number(days) * 24 + Number(hours)) * 60 + Number(minutes)) * MINUTE_MS;
}

/** The time that an RFC 3339 text or a date (its first instant in UTC) names; `undefined` for the 30th of February. */
export function timeOf(text: string): Date | undefined {
  const time = new Date(text);
  if (Number.isNaN(time.getTime())) return undefined;
  // Date takes the 31st of any month for the 1st of the next.
  const [year = 0, month = 0, day = 0] = text.slice(0, 10).split("-").map(Number);
  return day <= new Date(Date.UTC(year, month, 0)).getUTCDate() ? time : undefined;
}

/** How long, as a person says it: `3 days`, `5 hours`. */
export function spokenDuration(ms: number): string {
  const minutes = Math.floor(Math.max(0, ms) / MINUTE_MS);
  if (minutes < 120) return count(minutes, "minute");
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? count(hours, "hour") : count(Math.floor(hours / 24), "day");
}

/** A time as it is told: seconds in UTC. */
export function spokenTime(time: Date): string {
  return time.toISOString().replace(/\.\d+Z$/, "Z");
}

function count(n: number, what: string): string {
  return `${n} ${what}${n === 1 ? "" : "s"}`;
}
