import { readFileSync, readlinkSync } from "node:fs";
import { bootName } from "./boot.ts";

/** One process of ours, told apart from every other one on this disk, also after a reboot. */
export interface Owner {
  /** Machine and boot; two containers on one machine share it. */
  readonly boot: string;
  /** What a process id is relative to. */
  readonly space: string;
  readonly pid: number;
  /** When the process began, in the kernel's ticks; `0` where the platform does not say. */
  readonly start: string;
}

/** How long a process that cannot be looked at may be silent before it counts as dead. */
const SILENCE_MS = 60 * 60 * 1000;

/**
 * A name for this process with something after it that differs from one store in a process to the next. Without
 * node:crypto, which takes a tenth of the time that ten thousand packs are listed in: nobody has to be unable to guess it,
 * and a clock of nanoseconds tells two of them apart where `Math.random` was replaced.
 */
export function ownerName(): string {
  const { boot, space, pid, start } = thisProcess();
  const nanoseconds = Number(process.hrtime.bigint() & 0xffff_ffffn);
  const unique = (nanoseconds ^ Math.floor(Math.random() * 2 ** 32)) >>> 0;
  return `${boot}.${space}.${pid}.${start}.${unique.toString(16).padStart(8, "0")}`;
}

/** Reads an `ownerName`; `undefined` for any other name. */
export function parseOwner(name: string): Owner | undefined {
  const match = /^([0-9a-f]{8})\.([0-9]+)\.([1-9][0-9]*)\.([0-9]+)\.[0-9a-f]{8}$/.exec(name);
  if (match === null) return undefined;
  const [, boot = "", space = "", pid = "", start = ""] = match;
  return { boot, space, pid: Number(pid), start };
}

/**
 * Whether the owner is surely gone. A process of another machine or container cannot be looked at: it
 * is gone when `seenMs` (its last sign of life, Unix time) is an hour ago.
 */
export function isGone(owner: Owner, seenMs: number, nowMs: number): boolean {
  const self = thisProcess();
  if (!isOurs(owner)) return nowMs - seenMs > SILENCE_MS;
  if (owner.pid === self.pid) return owner.start !== self.start;
  if (owner.start !== "0") return startOf(owner.pid) !== owner.start;
  return !isAlive(owner.pid);
}

/** Whether the owner is, or was, a process of this machine's boot and of our pid namespace. */
export function isOurs(owner: Owner): boolean {
  const self = thisProcess();
  return owner.boot === self.boot && owner.space === self.space;
}

function thisProcess(): Owner {
  return {
    boot: bootName(),
    space: readSpace(),
    pid: process.pid,
    start: startOf(process.pid) ?? "0",
  };
}

/** Field 22 of /proc/<pid>/stat; a zombie has ended. */
function startOf(pid: number): string | undefined {
  const text = readText(`/proc/${pid}/stat`);
  // The second field is the program's name in parentheses and may hold anything.
  const fields = text?.slice(text.lastIndexOf(")") + 2).split(" ");
  if (fields === undefined || fields[0] === "Z" || fields[0] === "X") return undefined;
  return fields[19];
}

function readSpace(): string {
  try {
    return /[0-9]+/.exec(readlinkSync("/proc/self/ns/pid"))?.[0] ?? "0";
  } catch {
    return "0";
  }
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8").trim();
  } catch {
    return undefined;
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // EPERM: it lives, and belongs to somebody else.
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}
