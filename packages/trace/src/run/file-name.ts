/** The rules for paths of a pack (DESIGN §5), which every name of an input or output follows. */
export function isSafeName(name: string): boolean {
  if (name === "" || Buffer.byteLength(name) > 4096 || !name.isWellFormed()) return false;
  if (/^[A-Za-z]:/.test(name) || hasControl(name)) return false;
  return name
    .split("/")
    .every(
      (part) => part !== "" && part !== "." && part !== ".." && Buffer.byteLength(part) <= 255,
    );
}

/**
 * A safe name for what a log calls `name`: itself when it is safe; relative to `cwd` when it lies there; else below
 * `outside/`, so that nothing that comes out of a log can point out of a folder.
 */
export function safeName(name: string, cwd?: string | undefined): string {
  const slashed = name.toWellFormed().replaceAll("\\", /^[A-Za-z]:|^\\\\/.test(name) ? "/" : "\\");
  const inside = relativeTo(slashed, cwd);
  if (isSafeName(inside)) return inside;
  const parts = inside
    .split("/")
    .filter((part) => part !== "" && part !== ".")
    .map((part) => (part === ".." ? "_up" : shorten(part.replaceAll(":", "_"))));
  const joined = ["outside", ...(parts.length === 0 ? ["unnamed"] : parts)].join("/");
  return isSafeName(joined)
    ? joined
    : `outside/${shorten(joined.slice(-200).replaceAll("/", "_"))}`;
}

/** `path` seen from `cwd` when it lies in it, both as a log spells them; else `path`. */
export function relativeTo(path: string, cwd: string | undefined): string {
  const bare = path.replace(/^(?:\.\/)+/, "");
  if (cwd === undefined || cwd === "") return bare;
  const folder = cwd.replaceAll("\\", "/").replace(/\/+$/, "");
  return bare.startsWith(`${folder}/`) ? bare.slice(folder.length + 1) : bare;
}

function shorten(part: string): string {
  const plain = [...part].map((character) => (hasControl(character) ? "_" : character)).join("");
  return [...plain].slice(0, 60).join("");
}

/** What a terminal would obey, and what nobody sees. */
function hasControl(name: string): boolean {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
  return /[\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]/.test(name);
}
