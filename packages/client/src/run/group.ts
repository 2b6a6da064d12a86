import { readdirSync, readFileSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";

/** The processes that a command has started, known by the one they descend from. */
export interface ProcessGroup {
  /** Of the first process, and so of its group and session. */
  readonly pid: number;
  /** When that process began, in the kernel's ticks; `0` where the platform does not say. */
  readonly start: string;
}

/** What the kernel says of a process that has not ended. */
interface Process {
  readonly pid: number;
  readonly group: number;
  readonly session: number;
  readonly start: string;
}

const FIRST_LOOK_MS = 5;
const MOST_MS = 50;

/** The group of a process that was started as the first of its group. */
export function groupOf(pid: number): ProcessGroup {
  return { pid, start: readProcess(pid)?.start ?? "0" };
}

/** Whether any process of the group, or of its session, is alive. */
export function isAlive(group: ProcessGroup): boolean {
  const members = membersOf(group);
  return members === undefined ? send(-group.pid, 0) : members.length > 0;
}

/** Sends a signal to every process of the group, and of its session; to none when they are gone. */
export function signalGroup(group: ProcessGroup, signal: NodeJS.Signals): void {
  const members = membersOf(group);
  if (members?.length === 0) return;
  send(-group.pid, signal);
  // A shell with job control gives each of its jobs a group of its own.
  for (const { pid } of members?.filter((one) => one.group !== group.pid) ?? []) send(pid, signal);
}

/** Waits until no process of the group is alive; false when there is still one after `ms`. */
export async function waitGone(group: ProcessGroup, ms: number): Promise<boolean> {
  const until = performance.now() + ms;
  for (let wait = FIRST_LOOK_MS; isAlive(group); wait = Math.min(wait * 1.5, MOST_MS)) {
    if (performance.now() > until) return false;
    await pause(wait);
  }
  return true;
}

/** Ends every process of the group at once, and returns when they are gone, or after 5 s. */
export async function endGroup(group: ProcessGroup): Promise<void> {
  signalGroup(group, "SIGKILL");
  // What sleeps in the kernel ends later; it cannot write any more.
  await waitGone(group, 5000);
}

/**
 * The session of each process that was alive at the last look. A process never gets into another one's, so whoever has
 * been seen in one need not be looked at for another: a look at all costs as much as starting a command.
 */
let sessions = new Map<string, number>();
let lookedAt = 0;
/** For as long no number can have gone from one process to another, in milliseconds. */
const REMEMBERED_MS = 1000;

/**
 * The living processes of a group and its session. Nobody's when its number has gone to another process meanwhile,
 * which the kernel does only after the last member is gone. `undefined` where the platform does not list processes.
 */
function membersOf(group: ProcessGroup): readonly Process[] | undefined {
  const names = listProcesses();
  if (names === undefined) return undefined;
  const first = readProcess(group.pid);
  if (first !== undefined && group.start !== "0" && first.start !== group.start) return [];
  const members: Process[] = [];
  const now = performance.now();
  if (now - lookedAt > REMEMBERED_MS) sessions.clear();
  lookedAt = now;
  const seen = new Map<string, number>();
  for (const name of names) {
    if (!/^[1-9][0-9]*$/.test(name)) continue;
    const known = sessions.get(name);
    if (known !== undefined && known !== group.pid) {
      seen.set(name, known);
      continue;
    }
    const found = readProcess(Number(name));
    if (found === undefined) continue;
    seen.set(name, found.session);
    if (found.group === group.pid || found.session === group.pid) members.push(found);
  }
  sessions = seen;
  return members;
}

function listProcesses(): readonly string[] | undefined {
  try {
    return process.platform === "linux" ? readdirSync("/proc") : undefined;
  } catch {
    return undefined;
  }
}

/** A process that is gone, or a zombie that nobody has asked for yet, is `undefined`. */
function readProcess(pid: number): Process | undefined {
  const text = readStat(pid);
  if (text === undefined) return undefined;
  // The second field is the program's name in parentheses and may hold anything.
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  const [state, , group, session] = fields;
  if (state === "Z" || state === "X") return undefined;
  return { pid, group: Number(group), session: Number(session), start: fields[19] ?? "0" };
}

function readStat(pid: number): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/stat`, "latin1");
  } catch {
    return undefined;
  }
}

/** Whether there was a process to send it to. */
function send(pid: number, signal: NodeJS.Signals | 0): boolean {
  try {
    process.kill(pid, signal);
    return true;
  } catch (error) {
    // EPERM: it lives, and became another user.
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
