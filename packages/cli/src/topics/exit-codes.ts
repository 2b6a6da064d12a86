import { EXIT_CODES } from "../exit.ts";
import { formatTable } from "../format.ts";

/** What each exit code means. Frozen like the codes. */
export const EXIT_MEANINGS: Readonly<Record<number, string>> = {
  0: "done; a hit; verified",
  1: "different (diff, recheck --exit-code); some items of map --keep-going failed",
  2: "usage, or a contract, configuration or path that cannot be used",
  3: "no such pack; a miss; nothing to check; something is stale (status --quiet)",
  4: "not authenticated or authorised, or the file system says no",
  5: "integrity: bytes, names or packs that are not what they should be",
  6: "a policy refused, a signer is not trusted, a proof is missing",
  7: "registry or network unavailable, or --timeout",
  8: "conflict: the same contract with another output",
  9: "waited for a lock in vain",
  10: "disk full or over quota",
  11: "replay degraded",
  12: "replay failed",
  70: "a bug in ctxpack",
  124: "run, map: the command ran out of time",
  125: "run, map: ctxpack failed after the command had succeeded, or the command broke its contract",
  126: "run, map: the command is not executable",
  127: "run, map: there is no such command",
  129: "SIGHUP",
  130: "SIGINT",
  143: "SIGTERM",
};

/** `ctxpack help exit-codes`. */
export function exitCodes(): string {
  const rows = Object.entries(EXIT_MEANINGS).flatMap(([code, meaning]) => {
    const errors = Object.entries(EXIT_CODES).filter(([, exit]) => exit === Number(code));
    return [[`  ${code}`, meaning], ...errors.map(([name]) => ["", `  ${name}`])];
  });
  return (
    `exit codes, and the error.code of --json that have them\n${formatTable(rows)}\n\n` +
    "Once the command of run, map or recheck has run, the exit code is its own; 128 and more: a signal ended it."
  );
}
