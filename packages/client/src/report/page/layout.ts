import type { CtxUri } from "@ctxpack/identity";
import type { ReportedPack } from "../pack.ts";

/** One pack that went into another. */
export interface Edge {
  readonly from: CtxUri;
  readonly to: CtxUri;
  /** As what: the name of the input, or how many items. */
  readonly as: string;
}

/** A pack and its place: column, and row in it. */
export interface Placed {
  readonly uri: CtxUri;
  readonly column: number;
  readonly row: number;
}

/** What went into packs, as their provenance says. */
export function edgesOf(packs: readonly ReportedPack[]): Edge[] {
  return packs.flatMap(({ uri, proofs }) => {
    const { packs: inputs = [], reused = [] } = proofs?.provenance ?? {};
    return [
      ...inputs.map(({ uri: from, name }) => ({ from, to: uri, as: name })),
      ...reused.map(({ uri: from, items }) => ({
        from,
        to: uri,
        as: `${items} ${items === 1 ? "item" : "items"}`,
      })),
    ];
  });
}

/**
 * Places packs so that what went into one stands left of it. At most `most` of them: those of the first edges. What
 * signers say may go in circles; an edge that closes one moves nothing.
 */
export function layOut(edges: readonly Edge[], most: number): Placed[] {
  const chosen = new Set<CtxUri>();
  for (const { from, to } of edges) {
    const added = Number(!chosen.has(from)) + Number(from !== to && !chosen.has(to));
    if (chosen.size + added <= most) chosen.add(to).add(from);
  }
  const sources = new Map<CtxUri, CtxUri[]>([...chosen].map((uri) => [uri, []]));
  for (const { from, to } of edges) {
    if (chosen.has(from) && from !== to) sources.get(to)?.push(from);
  }
  const depths = new Map<CtxUri, number>();
  const depthOf = (uri: CtxUri): number => {
    const known = depths.get(uri);
    if (known !== undefined) return known;
    depths.set(uri, 0);
    const depth = Math.max(-1, ...(sources.get(uri) ?? []).map(depthOf)) + 1;
    depths.set(uri, depth);
    return depth;
  };
  const columns: CtxUri[][] = [];
  for (const uri of chosen) {
    const depth = depthOf(uri);
    for (let i = columns.length; i <= depth; i++) columns.push([]);
    columns[depth]?.push(uri);
  }
  return rowsOf(columns, sources);
}

/** In each column, packs stand in the order of what they are from, so that fewer edges cross. */
function rowsOf(
  columns: readonly (readonly CtxUri[])[],
  sources: ReadonlyMap<CtxUri, readonly CtxUri[]>,
): Placed[] {
  const rows = new Map<CtxUri, number>();
  const middle = (uri: CtxUri): number => {
    const known = (sources.get(uri) ?? []).flatMap((source) => rows.get(source) ?? []);
    return known.reduce((sum, row) => sum + row, 0) / Math.max(1, known.length);
  };
  return columns.flatMap((uris, column) => {
    const ordered = uris
      .map((uri) => ({ uri, at: middle(uri) }))
      .sort((a, b) => a.at - b.at)
      .map(({ uri }, row) => ({ uri, column, row }));
    for (const { uri, row } of ordered) rows.set(uri, row);
    return ordered;
  });
}
