import { LIMITS } from "./limits.ts";
import { lookUp, type Names, type Place } from "./names.ts";
import { checkTarget, refuseEntry, type TreeErrorCode } from "./path.ts";

/** Where a link ends: never at another link. */
export type Destination = Exclude<Place, { readonly kind: "link" }>;

interface Resolved {
  readonly destination: Destination;
  /** Links followed on the way, this one among them. */
  readonly followed: number;
}

/**
 * Resolves the links of a tree through its names, one component at a time, as Linux does. Every
 * answer is kept, so that links to links cost no more than the components that are written.
 */
export class Links {
  readonly #names: Names;
  readonly #code: TreeErrorCode;
  readonly #known = new Map<number, Resolved>();
  readonly #places = new Map<string, Place | undefined>();

  constructor(names: Names, code: TreeErrorCode) {
    this.#names = names;
    this.#code = code;
  }

  /** Where the link in `row` ends. Throws the code given for one that leaves, dangles or loops. */
  resolve(row: number): Destination {
    return this.#follow(row, row, 1).destination;
  }

  /** What `path` leads to when every link on the way is followed, if there is something. */
  at(path: string): Destination | undefined {
    let here: Destination = { kind: "directory", path: "" };
    for (const component of path.split("/")) {
      if (here.kind === "file") return undefined;
      const place = lookUp(this.#names, childOf(here.path, component));
      if (place === undefined) return undefined;
      here = place.kind === "link" ? this.resolve(place.row) : place;
    }
    return here;
  }

  /** `asked` is the link that somebody wanted resolved, and is named in errors. */
  #follow(row: number, asked: number, depth: number): Resolved {
    const known = this.#known.get(row);
    if (known !== undefined) return known;
    if (depth > LIMITS.linksFollowed) throw this.#refuse(asked, "loops");
    const path = this.#names.path(row);
    const target = this.#names.target(row);
    checkTarget(path, target, this.#code);
    if (target.startsWith("/")) throw this.#refuse(asked, "is absolute");
    let followed = 1;
    let here: Destination = { kind: "directory", path: parentOf(path) };
    for (const component of target.split("/")) {
      // Also before an empty component: `file/` is not a name of the file.
      if (here.kind === "file") throw this.#refuse(asked, "goes through a file");
      if (component === "" || component === ".") continue;
      const place = this.#step(here.path, component, asked);
      if (place.kind !== "link") {
        here = place;
        continue;
      }
      const through = this.#follow(place.row, asked, depth + 1);
      followed += through.followed;
      here = through.destination;
    }
    if (followed > LIMITS.linksFollowed) throw this.#refuse(asked, "loops");
    const resolved = { destination: here, followed };
    this.#known.set(row, resolved);
    return resolved;
  }

  #step(folder: string, component: string, asked: number): Place {
    if (component === "..") {
      if (folder === "") throw this.#refuse(asked, "leaves the tree");
      return { kind: "directory", path: parentOf(folder) };
    }
    const path = childOf(folder, component);
    let place = this.#places.get(path);
    if (place === undefined) {
      place = lookUp(this.#names, path);
      if (place === undefined) throw this.#refuse(asked, "dangles");
      this.#places.set(path, place);
    }
    return place;
  }

  #refuse(row: number, why: string): Error {
    const target = this.#names.target(row);
    const path = this.#names.path(row);
    const shown = JSON.stringify(target.slice(0, 300));
    return refuseEntry(this.#code, path, `is a link to ${shown}, which ${why}`);
  }
}

function childOf(folder: string, name: string): string {
  return folder === "" ? name : `${folder}/${name}`;
}

/** The folder that holds `path`; "" is the root. */
export function parentOf(path: string): string {
  const slash = path.lastIndexOf("/");
  return slash < 0 ? "" : path.slice(0, slash);
}
