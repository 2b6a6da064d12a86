import { constants } from "node:fs";
import { cp, lstat, mkdir, mkdtemp, open, readdir, realpath } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, posix, sep } from "node:path";
import { CtxPackError, type Digest, sha256, visible } from "@ctxpack/identity";
import { isSafeName, relativeTo } from "../run/file-name.ts";
import type { Run } from "../run/read.ts";
import { removeTree } from "./remove-tree.ts";
import { type ReplayLimits, ToolEnd } from "./tool.ts";

const SEPARATOR = Buffer.from("/");
/** Of the name of what cannot be looked into, in UTF-16 code units. */
const MAX_SHOWN = 200;

/** How a workspace is made. */
export interface WorkspaceOptions {
  /** A folder whose files are copied into it first; the run's own inputs lie over them. It is never written to. */
  readonly folder?: string | undefined;
  readonly limits: ReplayLimits;
  readonly signal?: AbortSignal | undefined;
}

/**
 * A folder of its own for the tools of a replay: what the run's inputs hold, and what its tools write. No path leads
 * out of it. Disposing of it removes it.
 */
export class Workspace implements AsyncDisposable {
  /** An absolute path without links. */
  readonly root: string;
  /** A folder that is left empty: commands get their own root there. */
  readonly mountPoint: string;
  readonly #base: string;
  readonly #limits: ReplayLimits;
  readonly #cwd: string | undefined;
  /** Names of the run's files, to tell where in an absolute path of another machine the workspace began. */
  readonly #names: readonly string[];
  readonly #roots = new Set<string>();

  private constructor(base: string, run: Run, limits: ReplayLimits) {
    this.#base = base;
    this.root = join(base, "workspace");
    this.mountPoint = join(base, "root");
    this.#limits = limits;
    this.#cwd = run.head.session?.cwd;
    const { inputs, outputs } = run.head;
    this.#names = [...inputs, ...outputs].map(({ name }) => name);
  }

  /**
   * @throws CtxPackError `CTXPACK_E_PATH_NOT_FOUND` when there is no such folder, others when the pack does not hold an
   *   input that it says it holds; ToolEnd `too-large` when the inputs alone take more than a workspace may.
   */
  static async create(run: Run, options: WorkspaceOptions): Promise<Workspace> {
    const base = await realpath(await mkdtemp(join(tmpdir(), "ctxpack-replay-")));
    const workspace = new Workspace(base, run, options.limits);
    try {
      for (const folder of [workspace.root, workspace.mountPoint]) await mkdir(folder);
      if (options.folder !== undefined) {
        await copyPlain(options.folder, workspace.root, options.signal);
      }
      for (const { name, digest, size } of run.head.inputs) {
        if (digest === undefined || size === undefined) continue;
        const { maxWorkspace: maxBytes } = options.limits;
        await workspace.write(
          name,
          await run.content({ digest, size }, { maxBytes, signal: options.signal }),
          maxBytes,
        );
      }
      return workspace;
    } catch (error) {
      await workspace[Symbol.asyncDispose]();
      throw error;
    }
  }

  /**
   * The name in the workspace of what a run calls `path`: an absolute one counts when it lies in the folder that the
   * run worked in, told by its head or by the names of its files.
   *
   * @throws ToolEnd `refused` for a path that leads elsewhere.
   */
  nameOf(path: string): string {
    const inside = posix.normalize(this.#relative(path.replaceAll("\\", "/")));
    const name = inside.replace(/^(?:\.\/)+|\/+$/g, "");
    if (name === "." || name === "") return "";
    if (!isSafeName(name)) throw refused(`${path} lies outside the workspace`);
    return name;
  }

  /**
   * The bytes of a file.
   *
   * @throws ToolEnd `refused` for what is no regular file of the workspace, `unavailable` when there is none,
   *   `too-large` beyond the limit.
   */
  async read(name: string): Promise<Uint8Array> {
    const path = await this.#real(name);
    // Without waiting for a writer, should it be a pipe; without following a link, should it have become one.
    const handle = await open(
      path,
      constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK,
    );
    try {
      const stat = await handle.stat();
      if (!stat.isFile()) throw refused(`${name} is no regular file`);
      if (stat.size > this.#limits.maxBytes) throw tooLarge(name, this.#limits.maxBytes);
      return await handle.readFile();
    } finally {
      await handle.close();
    }
  }

  /**
   * Writes a file, and the folders above it.
   *
   * @throws ToolEnd `refused` for what is no regular file of the workspace, `too-large` beyond the limits.
   */
  async write(
    name: string,
    bytes: Uint8Array,
    maxBytes: number = this.#limits.maxBytes,
  ): Promise<void> {
    if (name === "") throw refused("the workspace itself is no file");
    if (bytes.length > maxBytes) throw tooLarge(name, maxBytes);
    const parent = await this.#folder(dirname(name));
    const path = join(parent, posix.basename(name));
    const stat = await lstat(path).catch(() => undefined);
    if (stat !== undefined && !stat.isFile()) throw refused(`${name} is no regular file`);
    const { O_WRONLY, O_CREAT, O_TRUNC, O_NOFOLLOW, O_NONBLOCK } = constants;
    const handle = await open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_NONBLOCK, 0o644);
    try {
      await handle.writeFile(bytes);
    } finally {
      await handle.close();
    }
    await this.checkSize();
  }

  /** Names in a folder, sorted; those of folders end with `/`. */
  async list(name: string): Promise<string[]> {
    const entries = await readdir(name === "" ? this.root : await this.#real(name), {
      withFileTypes: true,
    });
    return entries.map((entry) => (entry.isDirectory() ? `${entry.name}/` : entry.name)).sort();
  }

  /** Digest of a file; undefined when there is none that could be read. */
  async digest(name: string): Promise<Digest | undefined> {
    try {
      return sha256(await this.read(name));
    } catch (error) {
      // What a tool locked away is not there to be compared.
      if (error instanceof ToolEnd || isSystemError(error)) return undefined;
      throw error;
    }
  }

  /**
   * @throws ToolEnd `too-large` when the files of the workspace take more than they may, and when some of it cannot be
   *   looked into: there is no telling what a tool puts there.
   */
  async checkSize(): Promise<void> {
    const { maxWorkspace } = this.#limits;
    let total = 0;
    for await (const size of this.sizes()) {
      total += size;
      if (total > maxWorkspace) throw tooLarge("the workspace", maxWorkspace);
    }
  }

  /**
   * The sizes of its files, in bytes.
   *
   * @throws ToolEnd `too-large` for a folder or file that cannot be looked at.
   */
  async *sizes(): AsyncGenerator<number> {
    // Names in bytes: one that is not UTF-8 would not be found again by its text.
    const listing = { encoding: "buffer", withFileTypes: true } as const;
    const folders = [Buffer.from(this.root)];
    for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
      for (const entry of (await this.#look(folder, readdir(folder, listing))) ?? []) {
        const path = Buffer.concat([folder, SEPARATOR, entry.name]);
        if (entry.isDirectory()) folders.push(path);
        if (!entry.isFile()) continue;
        const found = await this.#look(path, lstat(path));
        if (found !== undefined) yield found.size;
      }
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await removeTree(this.#base);
  }

  /** What is seen at a path; undefined when it has gone away meanwhile. */
  async #look<T>(path: Buffer, seen: Promise<T>): Promise<T | undefined> {
    try {
      return await seen;
    } catch (cause) {
      if (isMissing(cause)) return undefined;
      const { code } = cause as NodeJS.ErrnoException;
      const name = path
        .toString()
        .slice(this.root.length + 1)
        .slice(0, MAX_SHOWN);
      throw new ToolEnd(
        "too-large",
        visible(`${name || "the workspace"} cannot be looked into: ${code}`),
      );
    }
  }

  #relative(path: string): string {
    const inside = relativeTo(path, this.#cwd);
    if (inside === this.#cwd) return "";
    if (!inside.startsWith("/") && !/^[A-Za-z]:/.test(inside)) return inside;
    for (const root of this.#roots) if (path.startsWith(root)) return path.slice(root.length);
    const name = this.#names.find((one) => path.endsWith(`/${one}`));
    if (name === undefined) throw refused(`${path} lies outside the workspace`);
    const root = path.slice(0, -name.length);
    if (root !== "/") this.#roots.add(root);
    return name;
  }

  /** The path of something that is there, if it is in the workspace once every link was followed. */
  async #real(name: string): Promise<string> {
    let path: string;
    try {
      path = await realpath(join(this.root, name));
    } catch (cause) {
      if (!isMissing(cause)) throw cause;
      throw new ToolEnd("unavailable", visible(`the workspace has no ${name}`));
    }
    if (path !== this.root && !path.startsWith(this.root + sep)) {
      throw refused(`${name} leads out of the workspace`);
    }
    return path;
  }

  async #folder(name: string): Promise<string> {
    if (name === "." || name === "") return this.root;
    const parent = await this.#folder(dirname(name));
    const path = join(parent, posix.basename(name));
    await mkdir(path).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== "EEXIST") throw error;
    });
    const stat = await lstat(path);
    if (!stat.isDirectory()) throw refused(`${name} is no folder`);
    return path;
  }
}

/** Regular files and folders only; a link could lead anywhere. */
async function copyPlain(from: string, to: string, signal: AbortSignal | undefined): Promise<void> {
  await cp(await folderAt(from), to, {
    recursive: true,
    mode: constants.COPYFILE_FICLONE,
    filter: async (path) => {
      signal?.throwIfAborted();
      const found = await lstat(path);
      return found.isFile() || found.isDirectory();
    },
  });
}

/** The folder that a person named, maybe by a link. */
async function folderAt(path: string): Promise<string> {
  const real = await realpath(path).catch((cause: unknown) => {
    if (!isMissing(cause)) throw cause;
    return undefined;
  });
  if (real !== undefined && (await lstat(real)).isDirectory()) return real;
  const problem = real === undefined ? `there is no folder ${path}` : `${path} is no folder`;
  throw new CtxPackError("CTXPACK_E_PATH_NOT_FOUND", visible(problem), {
    hint: "name the folder whose files the tools are to find",
    details: { path },
  });
}

function isSystemError(error: unknown): boolean {
  return typeof (error as NodeJS.ErrnoException).errno === "number";
}

function isMissing(error: unknown): boolean {
  return ["ENOENT", "ENOTDIR"].includes((error as NodeJS.ErrnoException).code ?? "");
}

function refused(message: string): ToolEnd {
  return new ToolEnd("refused", visible(message));
}

function tooLarge(name: string, limit: number): ToolEnd {
  return new ToolEnd("too-large", visible(`${name}: more than ${limit} bytes`));
}
