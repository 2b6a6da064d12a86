import { probeDisk } from "@ctxpack/cache";
import { CtxPackError } from "@ctxpack/identity";
import type { Session } from "../session.ts";
import type { Finding } from "./finding.ts";

/** Less room than this is worth a word, in bytes. */
const LITTLE = 1e9;

/** Whether the store can be used, and what its disk can do. */
export async function checkStore(session: Session, signal: AbortSignal): Promise<Finding[]> {
  const dir = session.config.cacheDir;
  const about = { area: "store", subject: dir } as const;
  let writable: boolean;
  try {
    ({ writable } = await session.openStore(signal));
  } catch (error) {
    signal.throwIfAborted();
    if (!CtxPackError.isInstance(error)) throw error;
    const { message, hint, code } = error;
    return [{ ...about, state: "problem", message, code, ...(hint !== undefined && { hint }) }];
  }
  const disk = probeDisk(dir);
  return [
    writable && disk.writable
      ? { ...about, state: "ok", message: `writable, on ${disk.fileSystem}` }
      : {
          ...about,
          state: "warning",
          message: `can be read only, on ${disk.fileSystem}: nothing can be seeded or pulled into it`,
          hint: "check who owns it, or name another folder in CTXPACK_CACHE_DIR",
        },
    ...locks(about, disk),
    sharing(about, disk),
    room(about, disk),
  ];
}

type About = Pick<Finding, "area" | "subject">;
type Disk = ReturnType<typeof probeDisk>;

/** A store is safe with many processes because of its locks, and with a crash because of its renames. */
export function locks(about: About, disk: Pick<Disk, "locks" | "fileSystem">): Finding[] {
  if (disk.locks === "kernel") return [];
  const whose =
    disk.locks === "server"
      ? "lies on a network: its locks are only as good as the server's"
      : "is kept by a program (FUSE): whether its locks hold is that program's affair";
  return [
    {
      ...about,
      state: "warning",
      message: `${whose} (${disk.fileSystem})`,
      hint: "name a folder on a local disk in CTXPACK_CACHE_DIR; machines share packs through a pantry",
    },
  ];
}

function sharing(about: About, { reflink, hardLink }: Disk): Finding {
  if (reflink) return { ...about, state: "ok", message: "copies share their bytes (reflink)" };
  if (hardLink) {
    return {
      ...about,
      state: "ok",
      message: "packs share files by hard links; what leaves the store is copied (no reflink)",
    };
  }
  return {
    ...about,
    state: "warning",
    message: "neither reflinks nor hard links: every pack takes its whole size",
    hint: "a store on xfs, btrfs or ext4 takes less room",
  };
}

function room(about: About, { free, size }: Disk): Finding {
  const share = `${gigabytes(free)} of ${gigabytes(size)} free`;
  return free >= LITTLE
    ? { ...about, state: "ok", message: share }
    : {
        ...about,
        state: "warning",
        message: share,
        hint: "ctxpack rm takes packs out of the store",
      };
}

function gigabytes(bytes: number): string {
  return `${(bytes / 1e9).toFixed(1)} GB`;
}
