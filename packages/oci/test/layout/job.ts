import { bytesSource, describeBytes, OciLayout } from "@ctxpack/oci";
import { FileLock } from "../../src/layout/lock.ts";
import { encode, pushArtifact } from "../graph.ts";

// Run by `child.ts`: what another process does to a layout while a test looks at it.
const [job, path = "", ...rest] = process.argv.slice(2);

async function hold(): Promise<void> {
  const lock = await FileLock.acquire(path, { waitMs: 10_000 });
  process.stdout.write("held");
  setTimeout(() => lock.release(), 60_000);
}

/** Creates or opens a layout and tags `count` artifacts of its own, saying when one is tagged. */
async function tagMany(): Promise<void> {
  const [name, count] = [rest[0], Number(rest[1])];
  const layout = await OciLayout.open(path, { create: true });
  for (let i = 0; i < count; i++) {
    const d = await pushArtifact(layout, [`${name} ${i} ${"x".repeat(10_000)}`]);
    await layout.tag(d, `${name}-${i}`);
    process.stdout.write(`${name}-${i}\n`);
  }
}

/** Tries to be the first to tag. */
async function claim(): Promise<void> {
  const layout = await OciLayout.open(path);
  const d = await pushArtifact(layout, [`${process.pid}`]);
  try {
    await layout.tag(d, "first", { expected: null });
    process.stdout.write(`won ${d.digest}`);
  } catch (error) {
    process.stdout.write((error as { code: string }).code);
  }
}

/** Starts a blob and never ends it. */
async function hang(): Promise<void> {
  const layout = await OciLayout.open(path);
  const d = describeBytes("text/plain", encode("never"));
  const source = {
    size: d.size,
    async *open(): AsyncGenerator<Uint8Array> {
      yield* bytesSource(encode("nev")).open();
      process.stdout.write("hanging");
      await new Promise((resolve) => setTimeout(resolve, 60_000));
    },
  };
  await layout.push(d, source);
}

const jobs: Record<string, () => Promise<void>> = { hold, tagMany, claim, hang };
await jobs[job ?? ""]?.();
