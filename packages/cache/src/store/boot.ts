import { readFileSync } from "node:fs";
import { hostname } from "node:os";

let name: string | undefined;

/**
 * A name for this machine's boot, 8 hex digits; changes with every reboot where the platform says. Made without
 * node:crypto, whose loading alone costs a quarter of Node's start: every hit by path asks for it.
 */
export function bootName(): string {
  name ??= readBootId() ?? fnv1a(hostname());
  return name;
}

/** The first digits of a random UUID, which are as good as any. */
function readBootId(): string | undefined {
  try {
    const text = readFileSync("/proc/sys/kernel/random/boot_id", "latin1");
    return /^[0-9a-f]{8}/.exec(text)?.[0];
  } catch {
    return undefined;
  }
}

/** The 32-bit FNV-1a hash of a text's UTF-16 units, 8 hex digits. */
function fnv1a(text: string): string {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return (hash >>> 0).toString(16).padStart(8, "0");
}
