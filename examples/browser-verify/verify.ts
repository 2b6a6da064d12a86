// A second reader of packs, small enough to be read: from docs/identity.md and docs/pack.md alone, with nothing of ours but
// the pure part of identity, and nothing of Node's. What it cannot do is look into the segments, for browsers have no zstd.
import {
  canonicalize,
  contractUri,
  type Digest,
  digestHex,
  isDigest,
  isResolved,
  type JsonValue,
  parseContract,
  type ResolvedContract,
} from "@ctxpack/identity/pure";

/** A file that was given, by whatever name. */
export interface GivenFile {
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** One thing that was looked at. */
export interface Check {
  readonly what: string;
  /** `unknown`: what it needs was not given. */
  readonly state: "ok" | "wrong" | "unknown";
  readonly detail: string;
}

/** What the files come to. */
export interface Report {
  /** `verified`: contract and manifest agree, and nothing is wrong. */
  readonly verdict: "verified" | "wrong" | "incomplete";
  readonly uri?: string;
  readonly checks: readonly Check[];
}

interface Descriptor {
  readonly digest: Digest;
  readonly size: number;
  readonly mediaType: string;
  readonly annotations?: Readonly<Record<string, string>>;
}

interface Manifest {
  readonly artifactType: string;
  readonly config: Descriptor;
  readonly layers: readonly Descriptor[];
  readonly annotations: Readonly<Record<string, string>>;
}

const PACK = "application/vnd.ctxpack.pack.v1";
const CONTRACT = "application/vnd.ctxpack.contract.v1+json";
const INDEX = "application/vnd.ctxpack.index.v1+json+zstd";
const SEGMENT = "application/vnd.ctxpack.segment.v1.tar+zstd";
const TITLE = "org.opencontainers.image.title";

/** Holds a contract against a manifest, and against the manifest whatever other blobs are given. */
export async function verify(files: readonly GivenFile[]): Promise<Report> {
  const given = await Promise.all(
    files.map(async ({ name, bytes }) => ({ name, bytes, digest: await sha256(bytes) })),
  );
  const manifests = given.flatMap(({ name, bytes }) => {
    const manifest = readManifest(bytes);
    return manifest ? [{ name, bytes, manifest }] : [];
  });
  const contracts = given.filter(({ bytes }) => readManifest(bytes) === undefined && isText(bytes));
  const checks: Check[] = [];
  const contract = await contractOf(contracts, checks);
  const [found, ...others] = manifests;
  if (others.length > 0) {
    checks.push(wrong("one manifest", `${manifests.length} were given: which is it?`));
  }
  if (found === undefined) {
    checks.push(unknown("manifest", "not given: it is a JSON file with an artifactType"));
    return report(checks, contract?.uri);
  }
  const { manifest } = found;
  checks.push(...manifestChecks(found.bytes, manifest));
  const { config } = manifest;
  if (contract === undefined) {
    const held = given.find(({ digest }) => digest === config.digest);
    if (held === undefined) checks.push(unknown("contract", "not given"));
  } else {
    const said = `ctx://${config.digest}`;
    checks.push(
      contract.uri === said
        ? ok("the manifest is this contract's", said)
        : wrong("the manifest is this contract's", `it is that of ${said}`),
    );
  }
  for (const one of [config, ...manifest.layers]) {
    const what = one.annotations?.[TITLE] ?? "config";
    const held = given.find(({ digest }) => digest === one.digest);
    if (held === undefined) checks.push(unknown(what, `${one.digest}: not given`));
    else if (held.bytes.length === one.size) checks.push(ok(what, one.digest));
    else checks.push(wrong(what, `${held.bytes.length} bytes, the manifest says ${one.size}`));
  }
  return report(checks, contract?.uri ?? `ctx://${config.digest}`);
}

function report(checks: readonly Check[], uri: string | undefined): Report {
  const isWrong = checks.some(({ state }) => state === "wrong");
  const isBound = checks.some(
    ({ what, state }) => what.startsWith("the manifest is") && state === "ok",
  );
  const verdict = isWrong ? "wrong" : isBound ? "verified" : "incomplete";
  return { verdict, ...(uri !== undefined && { uri }), checks };
}

/** The first file that is a contract, with its URI. */
async function contractOf(
  files: readonly GivenFile[],
  checks: Check[],
): Promise<{ readonly uri: string } | undefined> {
  for (const { name, bytes } of files) {
    let parsed: ReturnType<typeof parseContract>;
    try {
      parsed = parseContract(bytes, { file: name });
    } catch (error) {
      checks.push(unknown(name, `no contract: ${error instanceof Error ? error.message : error}`));
      continue;
    }
    const resolved = resolvedOf(parsed.contract as unknown as Members);
    if (resolved === undefined) {
      const hint =
        "it names files, which are not here: `ctxpack id --explain` prints what is hashed";
      checks.push(unknown(name, hint));
      continue;
    }
    const uri = await contractUri(resolved);
    checks.push(ok(`the URI of ${name}`, uri));
    return { uri };
  }
  return undefined;
}

type Members = { readonly [key: string]: JsonValue };

/** DESIGN's resolved contract; `undefined` for one that names files, packs or variables. */
function resolvedOf(contract: Members): ResolvedContract | undefined {
  if (isResolved(contract as never)) return contract as unknown as ResolvedContract;
  const {
    inputs = [],
    transforms,
    command,
    map,
  } = contract as Record<string, JsonValue | undefined>;
  const plain = (inputs as readonly Members[]).every(
    (one) => "digest" in one !== "value" in one && !("pack" in one),
  );
  const own = (transforms as readonly Members[]).every(
    ({ code, env }) => isEmpty(code) && isEmpty(env),
  );
  if (!plain || !own || map !== undefined) return undefined;
  const resolved = {
    ...(command !== undefined && { command }),
    inputs: [...(inputs as readonly Members[])]
      .map(({ name, digest, value }) => (digest === undefined ? { name, value } : { digest, name }))
      .sort((a, b) => (String(a["name"]) < String(b["name"]) ? -1 : 1)),
    schema: "ctxpack.contract/v1",
    transforms: (transforms as readonly Members[]).map(
      ({ tool, tool_version, model, code_hash, params }) => ({
        ...(code_hash !== undefined && { code_hash }),
        ...(model !== undefined && { model }),
        ...(!isEmpty(params) && { params }),
        tool,
        ...(tool_version !== undefined && { tool_version }),
      }),
    ),
  };
  return resolved as unknown as ResolvedContract;
}

function isEmpty(value: JsonValue | undefined): boolean {
  return (
    value === undefined ||
    (typeof value === "object" && value !== null && Object.keys(value).length === 0)
  );
}

/** The manifest of a pack, as far as it can be read at all. */
function readManifest(bytes: Uint8Array): Manifest | undefined {
  if (bytes.length > 2 ** 20) return undefined;
  try {
    const value = JSON.parse(decode(bytes)) as Partial<Manifest> | null;
    const isManifest = isDigest(value?.config?.digest) && Array.isArray(value?.layers);
    return isManifest ? (value as Manifest) : undefined;
  } catch {
    return undefined;
  }
}

/** What docs/pack.md says of a manifest: exactly these members, in this order, without white space. */
function manifestChecks(bytes: Uint8Array, manifest: Manifest): Check[] {
  const { artifactType, config, layers, annotations } = manifest;
  const text = decode(bytes);
  const isCanonical = canonicalize(JSON.parse(text) as JsonValue) === text;
  const [index, ...segments] = layers;
  const titles = [
    "index.json.zst",
    ...segments.map((_, i) => `${String(i + 1).padStart(4, "0")}.tar.zst`),
  ];
  const isNamed = layers.every(
    (layer, i) => layer.annotations?.[TITLE] === titles[i] && isDigest(layer.digest),
  );
  const isTyped =
    config.mediaType === CONTRACT &&
    index?.mediaType === INDEX &&
    segments.length > 0 &&
    segments.every(({ mediaType }) => mediaType === SEGMENT);
  const tree = annotations?.["dev.ctxpack.tree"];
  return [
    artifactType === PACK
      ? ok("a pack's manifest", PACK)
      : wrong("a pack's manifest", `its artifactType is ${artifactType}`),
    isCanonical
      ? ok("canonical JSON", `${bytes.length} bytes`)
      : wrong("canonical JSON", "written otherwise"),
    isTyped && isNamed
      ? ok("an index and segments", `${segments.length} segments`)
      : wrong("an index and segments", "other layers than a pack has"),
    isDigest(tree) ? ok("output", `tree ${digestHex(tree)}`) : wrong("output", "no tree digest"),
  ];
}

async function sha256(bytes: Uint8Array): Promise<Digest> {
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", new Uint8Array(bytes)));
  return `sha256:${Array.from(hash, (byte) => byte.toString(16).padStart(2, "0")).join("")}`;
}

function isText(bytes: Uint8Array): boolean {
  if (bytes.length > 2 ** 20 || bytes.includes(0)) return false;
  try {
    new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    return true;
  } catch {
    return false;
  }
}

function decode(bytes: Uint8Array): string {
  return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
}

function ok(what: string, detail: string): Check {
  return { what, state: "ok", detail };
}

function wrong(what: string, detail: string): Check {
  return { what, state: "wrong", detail };
}

function unknown(what: string, detail: string): Check {
  return { what, state: "unknown", detail };
}
