import { escapeHtml, number } from "@ctxpack/trace/page";

const UNITS = ["B", "kB", "MB", "GB", "TB"];

/** `17.2 MB`: decimal units. */
export function bytes(count: number): string {
  const power = Math.min(UNITS.length - 1, Math.floor(Math.log10(Math.max(1, count * 1.0005)) / 3));
  return `${(count / 1000 ** power).toFixed(power === 0 ? 0 : 1)} ${UNITS[power]}`;
}

/** `0.42 s`, `3 min 5 s`, `26 h 10 min`. */
export function duration(ms: number): string {
  if (ms < 9_995) return `${(ms / 1000).toFixed(2)} s`;
  const seconds = Math.round(ms / 1000);
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
  return `${number(Math.floor(seconds / 3600))} h ${Math.floor((seconds % 3600) / 60)} min`;
}

/** `2026-11-20 10:01`, as HTML: whatever else was there is text. */
export function minute(time: string): string {
  const isTime = /^\d{4}-\d\d-\d\dT\d\d:\d\d/.test(time);
  return isTime ? time.slice(0, 16).replace("T", " ") : escapeHtml(time);
}

/** `1 pack`, `1,234 packs`. */
export function count(many: number, noun: string): string {
  return `${number(many)} ${noun}${many === 1 ? "" : "s"}`;
}

/** The first digits of a URI, by which the commands know it. */
export function digits(uri: string): string {
  return uri.slice("ctx://sha256:".length).slice(0, 12);
}
