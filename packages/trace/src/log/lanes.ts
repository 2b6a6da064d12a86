import type { CtxUri } from "@ctxpack/identity";

/** A run and its parents, as lanes are drawn from them: every run before its parents. */
export interface LaneNode {
  readonly uri: CtxUri;
  /** Those that come later in the list. */
  readonly parents: readonly CtxUri[];
}

/** Lanes that are drawn; of a wider graph, only the parents in words are left. */
const MAX_LANES = 40;

/**
 * Draws the lines between runs and their parents: for each run the text before it, and the lines of drawing that come
 * before its own.
 */
export class Lanes {
  /** The run that each lane leads to. */
  #lanes: CtxUri[] = [];
  /** How lanes change before the next run. */
  #change: string | undefined;

  /** @returns lines of drawing, the last of which stands before the text of the run. */
  row({ uri, parents }: LaneNode): string[] {
    const lines = this.#change === undefined ? [] : [this.#change];
    this.#change = undefined;
    const mine = this.#lanes.flatMap((lane, index) => (lane === uri ? [index] : []));
    if (mine.length > 1) lines.push(this.#lead(mine));
    let at = mine[0] ?? -1;
    if (at === -1) at = this.#lanes.push(uri) - 1;
    lines.push(draw(this.#lanes.map((_, index) => (index === at ? "* " : "| "))));
    const [first, ...others] = parents;
    if (first === undefined) this.#end(at);
    else this.#lanes[at] = first;
    // A second parent has a lane already, or gets one at the right end.
    const opened = others.filter((parent) => !this.#lanes.includes(parent));
    if (opened.length > 0) this.#open(at, opened);
    return lines;
  }

  /** Leads several lanes into the first of them; those to their right move up. */
  #lead(mine: readonly number[]): string {
    const [to = 0, ...from] = mine;
    const columns = this.#shifted(from, from);
    // A lane that ends far from the first passes under those between.
    fill(columns, 2 * to + 1, 2 * (from.at(-1) ?? to) - 1);
    this.#lanes = this.#lanes.filter((_, index) => !from.includes(index));
    return join(columns);
  }

  /** A lane whose run has no parents ends with it; those to its right move up. */
  #end(at: number): void {
    if (at < this.#lanes.length - 1) {
      this.#change = join(this.#shifted([at], []));
    }
    this.#lanes.splice(at, 1);
  }

  /** New lanes that begin at one that there is. */
  #open(at: number, parents: readonly CtxUri[]): void {
    const columns = this.#lanes.flatMap(() => ["|", " "]);
    for (const parent of parents) {
      columns[2 * this.#lanes.length - 1] = "\\";
      this.#lanes.push(parent);
      columns.push(" ", " ");
    }
    fill(columns, 2 * at + 1, 2 * this.#lanes.length - 3);
    this.#change = join(columns);
  }

  /** What is drawn between two runs when the lanes `gone` are no more; those of them in `led` lead to the left. */
  #shifted(gone: readonly number[], led: readonly number[]): string[] {
    const columns = new Array<string>(2 * this.#lanes.length).fill(" ");
    let ended = 0;
    for (const index of this.#lanes.keys()) {
      const ends = gone.includes(index);
      if (ends) ended++;
      if (ended === 0) columns[2 * index] = "|";
      else if (!ends || led.includes(index)) columns[2 * index - 1] = "/";
    }
    return columns;
  }
}

function fill(columns: string[], from: number, to: number): void {
  for (let column = from; column < to; column++) {
    if (columns[column] === " ") columns[column] = "_";
  }
}

function join(columns: readonly string[]): string {
  return columns
    .slice(0, 2 * MAX_LANES)
    .join("")
    .trimEnd();
}

function draw(cells: readonly string[]): string {
  return cells.slice(0, MAX_LANES).join("") + (cells.length > MAX_LANES ? "… " : "");
}
