import { type CtxUri, compareBytewise, type Digest } from "@ctxpack/identity";
import type { RunFileRef, RunHead } from "../run/head.ts";
import { contentPath } from "../run/layout.ts";

/** A file whose origin is asked for. */
export interface Artifact {
  readonly digest: Digest;
  /** Where it lies, with `/`; the whole path tells more than its end. Without one it is known by its bytes alone. */
  readonly path?: string | undefined;
}

/** A run that may have made it. */
export interface CandidateRun {
  readonly uri: CtxUri;
  readonly head: RunHead;
  /** Whether a path is in the run's tree; asked only for contents that no output lists. */
  readonly has?: ((path: string) => boolean | Promise<boolean>) | undefined;
}

/** How a run and a file are linked. */
export interface ArtifactMatch {
  readonly uri: CtxUri;
  /** The run has these bytes as an output, as an input, as another content; or an output of that name with others, or without. */
  readonly as: "output" | "input" | "content" | "other-bytes" | "no-bytes";
  /** As the run calls it. */
  readonly name?: string;
  /** Set when the file has another name than the output. */
  readonly renamed?: true;
  /** The step that wrote it last. */
  readonly producedBy?: number;
  /** What the output of that name holds, when it is something else. */
  readonly expected?: Digest;
}

/** What is known of a file's origin. */
export interface Attribution {
  /**
   * `produced`: a run has these bytes as an output. `modified`: none has, but one has an output of this name with other
   * bytes. `unknown`: neither; a run may hold them as what it read or said.
   */
  readonly verdict: "produced" | "modified" | "unknown";
  /** The strongest link first: by verdict, then the name that agrees in most segments, then the URI. */
  readonly matches: readonly ArtifactMatch[];
  /** Runs that were looked at. */
  readonly runs: number;
}

/** Links that are kept; of a file that every run wrote, not every run is named. */
const MAX_MATCHES = 1000;

const STRENGTH = ["output", "other-bytes", "input", "content", "no-bytes"] as const;

/**
 * Which run produced a file: by the digest of its bytes, wherever it lies now and whatever it is called. An output's name
 * is that of the file when it is the end of its path, segment by segment: `handlers/user.go` of `/src/handlers/user.go`,
 * not `user.go` of another folder.
 */
export async function attributeArtifact(
  artifact: Artifact,
  runs: AsyncIterable<CandidateRun> | Iterable<CandidateRun>,
  options: { readonly signal?: AbortSignal | undefined } = {},
): Promise<Attribution> {
  const matches: RankedMatch[] = [];
  let count = 0;
  for await (const run of runs) {
    options.signal?.throwIfAborted();
    count++;
    matches.push(...(await matchesOf(artifact, run)));
    if (matches.length > 2 * MAX_MATCHES) matches.sort(byStrength).splice(MAX_MATCHES);
  }
  matches.sort(byStrength).splice(MAX_MATCHES);
  const has = (as: ArtifactMatch["as"]) => matches.some(({ match }) => match.as === as);
  return {
    verdict: has("output") ? "produced" : has("other-bytes") ? "modified" : "unknown",
    matches: matches.map(({ match }) => match),
    runs: count,
  };
}

interface RankedMatch {
  readonly match: ArtifactMatch;
  /** Segments in which the names agree. */
  readonly agreed: number;
}

async function matchesOf(artifact: Artifact, run: CandidateRun): Promise<RankedMatch[]> {
  const { uri, head, has } = run;
  const { digest, path } = artifact;
  const same = head.outputs.filter((output) => output.digest === digest);
  if (same.length > 0) return same.map((output) => ofOutput(uri, output, path));
  const found: RankedMatch[] = [];
  for (const output of head.outputs) {
    const agreed = agreedSegments(output.name, path);
    if (agreed === 0) continue;
    const { name, producedBy, digest: expected } = output;
    const facts = { name, ...(producedBy !== undefined && { producedBy }) };
    const match: ArtifactMatch =
      expected === undefined
        ? { uri, as: "no-bytes", ...facts }
        : { uri, as: "other-bytes", ...facts, expected };
    found.push({ match, agreed });
  }
  const inputs = head.inputs.filter((input) => input.digest === digest);
  for (const { name } of inputs) {
    found.push({ match: { uri, as: "input", name }, agreed: agreedSegments(name, path) });
  }
  if (inputs.length === 0 && (await has?.(contentPath(digest)))) {
    found.push({ match: { uri, as: "content" }, agreed: 0 });
  }
  return found;
}

function ofOutput(uri: CtxUri, output: RunFileRef, path: string | undefined): RankedMatch {
  const { name, producedBy } = output;
  const agreed = agreedSegments(name, path);
  return {
    match: {
      uri,
      as: "output",
      name,
      ...(path !== undefined && agreed === 0 && { renamed: true }),
      ...(producedBy !== undefined && { producedBy }),
    },
    agreed,
  };
}

/** The number of segments of an output's name when it is the end of a path, else 0. */
function agreedSegments(name: string, path: string | undefined): number {
  if (path === undefined) return 0;
  const whole = path.replace(/^(?:\.\/)+/, "");
  return whole === name || whole.endsWith(`/${name}`) ? name.split("/").length : 0;
}

function byStrength(a: RankedMatch, b: RankedMatch): number {
  return (
    STRENGTH.indexOf(a.match.as) - STRENGTH.indexOf(b.match.as) ||
    b.agreed - a.agreed ||
    compareBytewise(a.match.uri, b.match.uri) ||
    compareBytewise(a.match.name ?? "", b.match.name ?? "")
  );
}
