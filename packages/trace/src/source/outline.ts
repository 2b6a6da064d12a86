/** Paths of members in the beginning of a JSON text, and the values of those that are short strings. */
export type Outline = ReadonlyMap<string, string | undefined>;

const MAX_LEVEL = 6;
const MAX_MEMBERS = 5000;

/**
 * The members of a JSON text that may be cut off anywhere: `a`, `a.b`, with `*` for every item of a list. Only to tell
 * what a text is: nothing is checked.
 */
export function outlineOf(text: string): Outline {
  const found = new Map<string, string | undefined>();
  const path: string[] = [];
  const lists: boolean[] = [];
  let key: string | undefined;
  const token = /"[^"\\]*(?:\\.[^"\\]*)*"?|[{}[\],:]|[^\s"{}[\],:]+/gs;
  const place = () => [...path, ...(lists.at(-1) ? ["*"] : key === undefined ? [] : [key])];
  for (const [part] of text.matchAll(token)) {
    if (found.size > MAX_MEMBERS || path.length > 64) break;
    if (part === "{" || part === "[") {
      if (lists.length > 0) path.push(lists.at(-1) ? "*" : (key ?? ""));
      lists.push(part === "[");
      key = undefined;
    } else if (part === "}" || part === "]") {
      lists.pop();
      path.pop();
      key = undefined;
    } else if (part === ",") key = undefined;
    else if (part !== ":") {
      const isKey = lists.at(-1) === false && key === undefined;
      if (isKey) key = part.replace(/^"|"$/g, "");
      const at = place();
      if (at.length > 0 && at.length <= MAX_LEVEL) {
        const name = at.join(".");
        const value =
          isKey || !part.startsWith('"') || part.length > 100 ? undefined : part.slice(1, -1);
        if (!found.has(name) || found.get(name) === undefined) found.set(name, value);
      }
    }
  }
  return found;
}
