import type { ReportedPack, StoreReport } from "@ctxpack/client";

type Uri = ReportedPack["uri"];

const DAY = "2026-11-20T10:01:00.000Z";

function uriOf(n: number): Uri {
  return `ctx://sha256:${n.toString(16).padStart(12, "0")}${"0".repeat(52)}`;
}

function pack(n: number, more: Partial<ReportedPack>): ReportedPack {
  return {
    kind: "contract",
    tools: ["t@1"],
    models: [],
    inputs: [],
    uri: uriOf(n),
    from: "computed",
    origin: "seed",
    files: 1,
    bytes: { content: 1000, stored: 100, own: 50 },
    partial: false,
    pinned: false,
    unreadable: false,
    createdAt: DAY,
    usedAt: DAY,
    trust: "own",
    ...more,
  };
}

function madeFrom(packs: readonly { readonly name: string; readonly uri: Uri }[]) {
  const provenance = { signed: true, builder: "https://example.invalid/b", packs, reused: [] };
  return { proofs: { provenance, signatures: [], acceptedBy: [] } };
}

function reportOf(packs: readonly ReportedPack[]): StoreReport {
  return {
    at: DAY,
    packs,
    disk: { size: 0, budget: 1, canGo: 0, content: 0, apart: 0, stored: 0 },
    hits: { usedAgain: 0, reusedItems: 0, pulled: { packs: 0, ms: 0, unknown: 0 } },
    misses: [],
    contracts: [],
    policies: [],
  };
}

/** A store of so many packs, each made from the one before. */
export function largeReport(count: number): StoreReport {
  return reportOf(
    Array.from({ length: count }, (_, n) => {
      const inputs = n === 0 ? [] : [{ name: "before", uri: uriOf(n - 1) }];
      return pack(n, { name: `pack-${n}`, ...madeFrom(inputs) });
    }),
  );
}

const EVIL =
  '</script><script>document.title="owned"</script><img src=x onerror="document.title=1">\u001b[31m red \u202e txt.exe \u0000" x="\' y=\'';

/** What somebody else wrote, wherever a report has it; three packs that say they were made from each other. */
export function hostileReport(): StoreReport {
  const uris = [uriOf(0), uriOf(1), uriOf(2)] as const;
  const packs = uris.map((uri, n) => {
    const from = [...uris, uriOf(9)].filter((other) => other !== uri || n === 0);
    return pack(n, {
      name: EVIL,
      origin: EVIL,
      tools: [EVIL],
      models: [EVIL],
      inputs: [{ name: EVIL, digest: EVIL }],
      createdAt: EVIL,
      usedAt: EVIL,
      trust: "unsigned",
      proofs: {
        provenance: {
          signed: true,
          builder: EVIL,
          source: { repository: EVIL, ref: EVIL },
          packs: from.map((other) => ({ name: EVIL, uri: other })),
          reused: [{ uri: uriOf(9), items: 3 }],
        },
        signatures: [{ bundle: `sha256:${"0".repeat(64)}`, predicateType: EVIL, by: EVIL }],
        acceptedBy: [{ at: EVIL, policies: [] }],
      },
      rechecks: {
        runs: 1,
        different: 1,
        lastAt: EVIL,
        last: { differences: 1, paths: [{ path: EVIL, kind: "changed", pointer: EVIL }] },
      },
    });
  });
  const explanation = {
    nearest: { uri: uriOf(1), where: EVIL, name: EVIL },
    differences: [{ pointer: `/${EVIL}`, kind: "added" as const, after: { [EVIL]: EVIL } }],
  };
  return {
    ...reportOf(packs),
    at: EVIL,
    misses: [{ uri: uriOf(0), name: EVIL, at: EVIL, durationMs: 1, explanation }],
    contracts: [
      { file: EVIL, state: "stale", explanation },
      { file: EVIL, state: "unknown", error: { code: "CTXPACK_E_CONTRACT", message: EVIL } },
    ],
    policies: [{ file: EVIL }],
  };
}
