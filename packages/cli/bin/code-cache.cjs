// Node's own cache of compiled code has what is compiled when a file is loaded, and not what is compiled when it is first
// called, which of a large file is most. Here a command's code is kept as it was when that command had ended.
const fs = require("node:fs");
const { dirname, join } = require("node:path");
const { Script } = require("node:vm");
const { createRequire, getCompileCacheDir } = require("node:module");

const HEAD = "(function (exports, require, module, __filename, __dirname) {";
/** The last line of every bundle: what scripts/mark-bundles.ts writes there. */
const MARK = /\n\/\/ ([0-9a-f]{32})\n$/;

/**
 * Loads the bundles of the folder `dist` for a command whose name is `purpose`, with the code that is kept in Node's folder
 * for such, if there is one (`NODE_DISABLE_COMPILE_CACHE`). The code is V8's: another Node, or another build of ours, finds
 * none of it.
 */
module.exports = function openBundles(dist, purpose) {
  const kept = getCompileCacheDir();
  const own = createRequire(join(dist, "ctxpack.cjs"));
  if (kept === undefined) return { load: (name) => own(`./${name}`), keep() {} };
  const fresh = [];

  function load(name) {
    const filename = join(dist, name);
    const known = own.cache[filename];
    if (known !== undefined) return known.exports;
    // The build leaves nothing but ASCII, of which V8 needs no copy twice as long.
    const source = fs.readFileSync(filename, "latin1");
    const mark = MARK.exec(source.slice(-40));
    if (mark === null) return own(`./${name}`);
    const file = join(kept, `ctxpack-${purpose}-${name}-${mark[1]}`);
    const cachedData = readOwn(file);
    const options = { filename, cachedData, columnOffset: -HEAD.length };
    const script = new Script(`${HEAD}${source}\n})`, options);
    if (cachedData === undefined || script.cachedDataRejected) fresh.push({ file, script });
    const made = { id: filename, filename, exports: {} };
    own.cache[filename] = made;
    script.runInThisContext()(made.exports, requireOf, made, filename, dist);
    return made.exports;
  }

  function requireOf(id) {
    return id.startsWith("./") && id.endsWith(".cjs") ? load(id.slice(2)) : own(id);
  }

  return {
    load,
    /** Keeps the code of what was loaded and is not kept yet: when the command has done what it is for. */
    keep() {
      for (const { file, script } of fresh) replace(file, script.createCachedData());
    },
  };
};

/** A file that nobody else can have written: what is in it is run. */
function readOwn(file) {
  let fd;
  try {
    fd = fs.openSync(file, fs.constants.O_RDONLY | (fs.constants.O_NOFOLLOW || 0));
    const { uid, mode } = fs.fstatSync(fd);
    const isOwn = process.getuid === undefined || (uid === process.getuid() && !(mode & 0o022));
    return isOwn ? fs.readFileSync(fd) : undefined;
  } catch {
    return undefined;
  } finally {
    if (fd !== undefined) fs.closeSync(fd);
  }
}

/** Puts a file in place of those of other builds; a folder that cannot be written costs time, and nothing else. */
function replace(file, bytes) {
  const temporary = `${file}.${process.pid}`;
  try {
    const folder = dirname(file);
    const kind = file.slice(folder.length + 1, -32);
    fs.writeFileSync(temporary, bytes, { flag: "wx", mode: 0o600, flush: true });
    fs.renameSync(temporary, file);
    for (const name of fs.readdirSync(folder)) {
      const other = join(folder, name);
      if (name.startsWith(kind) && other !== file) fs.rmSync(other, { force: true });
    }
  } catch {
    fs.rmSync(temporary, { force: true });
  }
}
