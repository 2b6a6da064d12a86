import { chmodSync, lstatSync, readdirSync, rmdirSync, unlinkSync } from "node:fs";
import { isRefusal, systemCode, unlessRefused } from "./disk.ts";

const SLASH = Buffer.from("/");

/**
 * Removes a file or folder, read-only folders included (`rm` cannot: a folder without the owner's write
 * bit keeps its entries). What is gone already is no error: two processes may clear the same thing.
 */
export function clear(path: string | Buffer): void {
  drain(clearing(path));
}

/**
 * `clear` for what somebody has left behind: false when the disk refuses it, or a part of it, to this user. That stays,
 * for it must not stand in the way of anything else.
 */
export function clearLeftover(path: string | Buffer): boolean {
  return drain(clearingLeftover(path));
}

/** `clearLeftover` in small steps, for a folder that may hold very much. */
export function* clearingLeftover(path: string | Buffer): Generator<void, boolean, void> {
  try {
    yield* clearing(path);
    return true;
  } catch (error) {
    if (!isRefusal(error)) throw error;
    return false;
  }
}

function* clearing(path: string | Buffer): Generator<void, void, void> {
  try {
    unlinkSync(path);
    return;
  } catch (error) {
    const code = systemCode(error);
    if (code === "ENOENT") return;
    // A folder: EISDIR on Linux, EPERM elsewhere.
    if (code !== "EISDIR" && code !== "EPERM") throw error;
    // A link of another user in a shared folder is not removed with EPERM, either, and must not be followed.
    if (lstatSync(path, { throwIfNoEntry: false })?.isDirectory() === false) throw error;
  }
  yield* clearingFolder(path);
}

function* clearingFolder(path: string | Buffer): Generator<void, void, void> {
  /** What is refused last is thrown at the end: the rest goes all the same. */
  let refusal: unknown;
  try {
    // Another user's folder keeps its mode; an empty one can be removed all the same.
    unlessRefused(() => chmodSync(path, 0o700));
    for (const entry of readdirSync(path, { withFileTypes: true, encoding: "buffer" })) {
      // Of what lies in the trash nobody knows that names are UTF-8.
      const child = Buffer.concat([Buffer.from(path), SLASH, entry.name]);
      try {
        yield* entry.isDirectory() ? clearingFolder(child) : clearing(child);
      } catch (error) {
        if (!isRefusal(error)) throw error;
        refusal = error;
      }
      yield;
    }
    if (refusal !== undefined) throw refusal;
    rmdirSync(path);
  } catch (error) {
    if (systemCode(error) !== "ENOENT") throw error;
  }
}

function drain<T>(steps: Generator<void, T, void>): T {
  for (;;) {
    const { done, value } = steps.next();
    if (done) return value;
  }
}
