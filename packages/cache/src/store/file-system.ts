/**
 * Who keeps the locks of a file system: this machine's `kernel`; a `server`, for machines that ask it, when it does; or
 * a `program` behind FUSE, which may keep none.
 */
export type LockKeeper = "kernel" | "server" | "program";

/** By the magic numbers of statfs(2). */
const FILE_SYSTEMS: Readonly<Record<number, readonly [name: string, locks: LockKeeper]>> = {
  61267: ["ext4", "kernel"],
  1481003842: ["xfs", "kernel"],
  2435016766: ["btrfs", "kernel"],
  16914836: ["tmpfs", "kernel"],
  2035054128: ["overlayfs", "kernel"],
  801189825: ["zfs", "kernel"],
  26: ["apfs", "kernel"],
  26985: ["nfs", "server"],
  4283649346: ["cifs", "server"],
  4266872130: ["smb2", "server"],
  20859: ["smb", "server"],
  16914839: ["9p", "server"],
  1785031267: ["virtiofs", "server"],
  12805120: ["ceph", "server"],
  198183888: ["lustre", "server"],
  1196443219: ["gpfs", "server"],
  1397113167: ["afs", "server"],
  1702057286: ["fuse", "program"],
};

/** What statfs(2) says: a name, or the number in hex for one that is not known here and counts as a local disk. */
export function fileSystemOf(type: number): {
  readonly fileSystem: string;
  readonly locks: LockKeeper;
} {
  // Some platforms give it as a signed number.
  const magic = type >>> 0;
  const [fileSystem, locks] = FILE_SYSTEMS[magic] ?? [`0x${magic.toString(16)}`, "kernel"];
  return { fileSystem, locks };
}
