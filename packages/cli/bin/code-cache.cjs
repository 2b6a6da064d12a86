// Node's own cache of compiled code has what is compiled when a file is loaded, and not what is compiled when it is first
// called, which of a large file is most. Here a command's code is kept as it was the first time the command ended well.
const { isAscii } = require("node:buffer");
const fs = require("node:fs");
const { join } = require("node:path");
const { Script } = require("node:vm");
const { createRequire, enableCompileCache, getCompileCacheDir } = require("node:module");

const HEAD = "(function (exports, require, module, __filename, __dirname) {";
/** Bytes before the code: V8 copies code that does not lie at a multiple of 8. */
const ID_LENGTH = 128;

/**
 * Loads the bundles of the folder `dist` for a command whose name is `purpose`, with the code that was kept of them. It is
 * kept in `ctxpack-code` in the user's folder for caches, or where `NODE_COMPILE_CACHE` says, about 2 MB for a command that
 * needs all of the library; `NODE_DISABLE_COMPILE_CACHE` does without.
 */
module.exports = function openBundles(dist, purpose) {
  const own = createRequire(join(dist, "ctxpack.cjs"));
  const kept = keptIn();
  // Node maps only what it has loaded itself.
  if (kept === undefined || process.sourceMapsEnabled) {
    return { load: (name) => own(`./${name}`), keep() {} };
  }
  const fresh = [];

  function load(name) {
    const filename = join(dist, name);
    const known = own.cache[filename];
    if (known !== undefined) return known.exports;
    const id = idOf(filename);
    const bytes = fs.readFileSync(filename);
    // As it is where the build escapes what is not ASCII; a single other character would double what V8 reads and keeps.
    const source = bytes.toString(isAscii(bytes) ? "latin1" : "utf8");
    const file = join(kept, `ctxpack-${purpose}-${name}-${shortHash(dist)}`);
    const cachedData = readCode(file, id);
    const options = { filename, cachedData, columnOffset: -HEAD.length };
    const script = new Script(`${HEAD}${source}\n})`, options);
    if (cachedData === undefined || script.cachedDataRejected) fresh.push({ file, id, script });
    const made = { id: filename, filename, exports: {} };
    own.cache[filename] = made;
    try {
      script.runInThisContext()(made.exports, requireOf, made, filename, dist);
    } catch (error) {
      delete own.cache[filename];
      throw error;
    }
    return made.exports;
  }

  function requireOf(id) {
    return id.startsWith("./") && id.endsWith(".cjs") ? load(id.slice(2)) : own(id);
  }

  return {
    load,
    /** Keeps the code of what was loaded and is not kept yet. What cannot be written costs time, and nothing else. */
    keep() {
      for (const { file, id, script } of fresh) replace(file, id, script);
    },
  };
};

/** The folder for code of this Node, of ours and of Node's own; `undefined` when there is to be none. */
function keptIn() {
  if (process.env.NODE_DISABLE_COMPILE_CACHE) return undefined;
  if (process.env.NODE_COMPILE_CACHE) {
    enableCompileCache();
    return getCompileCacheDir();
  }
  // Not Node's default, which is a name in a folder that everybody may write to: what is there is run.
  const { XDG_CACHE_HOME, LOCALAPPDATA, HOME } = process.env;
  const home = HOME && join(HOME, process.platform === "darwin" ? "Library/Caches" : ".cache");
  const caches = process.platform === "win32" ? LOCALAPPDATA : XDG_CACHE_HOME || home;
  if (!caches) return undefined;
  const folder = join(caches, "ctxpack-code");
  try {
    if (!isOwn(statOf(folder) || make(caches, folder))) return undefined;
  } catch {
    return undefined;
  }
  enableCompileCache(folder);
  return getCompileCacheDir();
}

function statOf(path) {
  return fs.lstatSync(path, { throwIfNoEntry: false });
}

/** Makes a folder, and the one it lies in, but no home for those who have none. */
function make(caches, folder) {
  if (statOf(caches) === undefined) fs.mkdirSync(caches, { mode: 0o700 });
  fs.mkdirSync(folder, { mode: 0o700 });
  return statOf(folder);
}

/** Nobody else can have put it there. */
function isOwn({ uid, mode }) {
  return process.getuid === undefined || (uid === process.getuid() && !(mode & 0o022));
}

/** What a file is, as far as it can be told without reading it: any change has another time. */
function idOf(filename) {
  const { size, mtimeMs, ctimeMs } = fs.statSync(filename);
  return `${size} ${mtimeMs} ${ctimeMs}`.padEnd(ID_LENGTH);
}

/** FNV-1a, for names of one folder to differ. */
function shortHash(text) {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return (hash >>> 0).toString(16);
}

/** Code that was kept of the file with this id. V8 runs what it is given: it is kept twice, and both have to be the same. */
function readCode(file, id) {
  const { O_RDONLY, O_NOFOLLOW = 0, O_NONBLOCK = 0 } = fs.constants;
  let fd;
  try {
    fd = fs.openSync(file, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
    const stat = fs.fstatSync(fd);
    if (!stat.isFile() || !isOwn(stat)) return undefined;
    const bytes = fs.readFileSync(fd);
    const middle = ID_LENGTH + (bytes.length - ID_LENGTH) / 2;
    const code = bytes.subarray(ID_LENGTH, middle);
    const isWhole = bytes.toString("latin1", 0, ID_LENGTH) === id;
    return isWhole && code.equals(bytes.subarray(middle)) ? code : undefined;
  } catch {
    return undefined;
  } finally {
    if (fd !== undefined) fs.closeSync(fd);
  }
}

function replace(file, id, script) {
  const temporary = `${file}.${process.pid}`;
  try {
    const code = script.createCachedData();
    const bytes = Buffer.concat([Buffer.from(id, "latin1"), code, code]);
    fs.writeFileSync(temporary, bytes, { flag: "wx", mode: 0o600, flush: true });
    fs.renameSync(temporary, file);
  } catch {
    try {
      fs.rmSync(temporary, { force: true });
    } catch {}
  }
}
