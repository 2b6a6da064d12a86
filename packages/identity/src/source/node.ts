/** A JSON value as it stands in a text: every part with its place, numbers as they were written, nothing merged. */
export type SourceNode = SourceMap | SourceList | SourceNumber | SourceText | SourceWord;

export interface SourceMap {
  readonly kind: "map";
  readonly offset: number;
  /** In the order of the text; a key may occur twice. */
  readonly entries: readonly SourceEntry[];
}

export interface SourceEntry {
  readonly key: string;
  readonly offset: number;
  readonly value: SourceNode;
}

interface SourceList {
  readonly kind: "list";
  readonly offset: number;
  readonly items: readonly SourceNode[];
}

interface SourceNumber {
  readonly kind: "number";
  readonly offset: number;
  readonly literal: string;
}

interface SourceText {
  readonly kind: "text";
  readonly offset: number;
  readonly value: string;
}

interface SourceWord {
  readonly kind: "word";
  readonly offset: number;
  readonly value: boolean | null;
}

/** The part of `node` that `steps` lead to, or undefined. A key that occurs twice means its first place. */
export function nodeAt(node: SourceNode, steps: readonly string[]): SourceNode | undefined {
  let current: SourceNode | undefined = node;
  for (const step of steps) {
    if (current?.kind === "map") {
      current = current.entries.find((entry) => entry.key === step)?.value;
    } else if (current?.kind === "list") {
      current = /^(?:0|[1-9][0-9]*)$/.test(step) ? current.items[Number(step)] : undefined;
    } else {
      return undefined;
    }
  }
  return current;
}
