/**
 * What Windows would split, or take for a stream, a pattern or a device, or cut the end off (Microsoft, "Naming Files,
 * Paths, and Namespaces").
 */
const FOREIGN =
  /[\\:*?"<>|]|[. ]$|^(?:con|prn|aux|nul|com[\d\u00b9\u00b2\u00b3]|lpt[\d\u00b9\u00b2\u00b3]|conin\$|conout\$)(?:\.|$)/i;

/** Whether every segment of a path of a pack can be the name of a file on Windows. */
export function isWindowsName(path: string): boolean {
  return path.split("/").every((segment) => !FOREIGN.test(segment));
}
