// Sixteen processes at one registry at once.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { missingProgram, startDockerRegistry, startFaultRegistry } from "@ctxpack/test-tools";
import { expect, it, onTestFinished } from "vitest";
import { open } from "./fixture.ts";

const PROCESSES = 16;
/** Two blobs and a config that all have, three more and a manifest of each of four. */
const BLOBS = 3 + 4 * 3;
const MANIFESTS = 4;

async function runAll(host: string): Promise<void> {
  const program = new URL("./many-writer.ts", import.meta.url).pathname;
  const codes = await Promise.all(
    Array.from({ length: PROCESSES }, async (_, i) => {
      const args = ["--conditions=@ctxpack/source", program, host, String(i)];
      const child = spawn(process.execPath, args, { stdio: ["ignore", "inherit", "inherit"] });
      return (await once(child, "exit"))[0];
    }),
  );
  expect(codes).toEqual(Array(PROCESSES).fill(0));
}

it("no process sends a blob twice", async () => {
  const server = await startFaultRegistry();
  onTestFinished(() => server[Symbol.asyncDispose]());
  await runAll(server.host);
  expect(server.blobs("many/packs").size).toBe(BLOBS);
  expect(server.manifests("many/packs").size).toBe(MANIFESTS);
  expect(server.sessions()).toBe(0);
  const sent = server.requests
    .filter(({ method, url }) => method === "PUT" && url.includes("/blobs/uploads/"))
    .map(({ headers, url }) => `${headers["x-writer"]} ${/digest=([^&]+)/.exec(url)?.[1]}`);
  expect(sent.length).toBeGreaterThanOrEqual(BLOBS);
  expect(sent.every((line) => /^\d+ sha256/.test(line))).toBe(true);
  expect(new Set(sent).size).toBe(sent.length);
});

it.skipIf(missingProgram("docker-registry"))(
  "docker-registry has each blob once, and nothing else",
  async () => {
    const server = await startDockerRegistry();
    onTestFinished(() => server[Symbol.asyncDispose]());
    await runAll(server.host);
    const folder = join(server.dir, "docker/registry/v2/blobs/sha256");
    const onDisk = readdirSync(folder).flatMap((two) => readdirSync(join(folder, two)));
    expect(onDisk).toHaveLength(BLOBS + MANIFESTS);
    const tags: string[] = [];
    for await (const tag of open(server.host).repository("many/packs").tags()) tags.push(tag);
    expect(tags.sort()).toEqual(["v0", "v1", "v2", "v3"]);
  },
);
