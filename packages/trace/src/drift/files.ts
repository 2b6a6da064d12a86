import { compareBytewise, pointerOf, visible } from "@ctxpack/identity";
import type { StoredContent } from "../run/content.ts";
import type { RunFileRef } from "../run/head.ts";
import { type DriftDraft, listed } from "./draft.ts";
import { clip, compareContents, draftOf } from "./head.ts";
import { MemberChanges } from "./members.ts";
import { notCaptured, type Sides } from "./side.ts";

/** A file that drifted, beside what the entry says. */
export interface FileDrift {
  readonly draft: DriftDraft;
  readonly a?: RunFileRef;
  readonly b?: RunFileRef;
}

/** The files that went in or came out, by name; one that has another name now is told as renamed. */
export async function* compareFiles(
  sides: Sides,
  which: "inputs" | "outputs",
): AsyncGenerator<FileDrift> {
  const [a, b] = [byName(sides.a.head[which]), byName(sides.b.head[which])];
  const renamed = findRenamed(a, b);
  const left = new Set(renamed.values());
  const names = [...new Set([...a.keys(), ...b.keys()])].sort(compareBytewise);
  for (const name of names) {
    if (left.has(name)) continue;
    const before = a.get(renamed.get(name) ?? name);
    const after = b.get(name);
    if (before === undefined && notCaptured(sides.a, which)) continue;
    if (after === undefined && notCaptured(sides.b, which)) continue;
    for await (const draft of compareFile(sides, which, before, after)) {
      yield { draft, ...(before && { a: before }), ...(after && { b: after }) };
    }
  }
}

async function* compareFile(
  sides: Sides,
  which: "inputs" | "outputs",
  a: RunFileRef | undefined,
  b: RunFileRef | undefined,
): AsyncGenerator<DriftDraft> {
  const type = which === "inputs" ? "input_drift" : "output_drift";
  const name = b?.name ?? a?.name ?? "";
  const path = [which, name];
  const what = which === "inputs" ? "input" : "output";
  const changes = new MemberChanges(sides);
  if (a && b && a.name !== b.name) {
    changes.compare([...path, "name"], { text: a.name }, { text: b.name });
    const description = clip(visible(`${what} ${a.name} renamed to ${b.name}`));
    yield { type, change: "renamed", path: pointerOf(path), description, ...listed(changes) };
  } else if (a === undefined || b === undefined) {
    const fact = (file: RunFileRef | undefined) =>
      file && (file.digest ? { opaque: stored(file) } : { absent: "not-captured" as const });
    changes.compare(path, fact(a), fact(b));
    yield* draftOf(type, path, `${what} ${name}`, changes);
  } else if (a.digest && b.digest && a.digest !== b.digest) {
    await compareContents(sides, changes, path, { a: stored(a), b: stored(b) });
    // The same JSON in other bytes is another file.
    if (!changes.any) changes.compare(path, { opaque: stored(a) }, { opaque: stored(b) });
    yield* draftOf(type, path, `${what} ${name}`, changes);
  }
}

function stored({ digest, size, mediaType }: RunFileRef): StoredContent {
  return {
    digest: digest as StoredContent["digest"],
    mediaType: mediaType ?? "application/octet-stream",
    size: size ?? 0,
  };
}

function byName(files: readonly RunFileRef[]): Map<string, RunFileRef> {
  return new Map(files.map((file) => [file.name, file]));
}

/** Names in `b` to names in `a`, of files that are alone under their name and whose bytes are alone on the other side. */
function findRenamed(
  a: ReadonlyMap<string, RunFileRef>,
  b: ReadonlyMap<string, RunFileRef>,
): Map<string, string> {
  const gone = byDigest([...a.values()].filter(({ name }) => !b.has(name)));
  const come = byDigest([...b.values()].filter(({ name }) => !a.has(name)));
  const renamed = new Map<string, string>();
  for (const [digest, names] of come) {
    const [from, ...others] = gone.get(digest) ?? [];
    const [to] = names;
    if (from !== undefined && to !== undefined && others.length === 0 && names.length === 1) {
      renamed.set(to, from);
    }
  }
  return renamed;
}

function byDigest(files: readonly RunFileRef[]): Map<string, string[]> {
  const found = new Map<string, string[]>();
  for (const { name, digest } of files) {
    if (digest !== undefined) found.set(digest, [...(found.get(digest) ?? []), name]);
  }
  return found;
}
