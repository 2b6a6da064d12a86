import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { blobsServed, bytesServed } from "../../src/documents/access-log.ts";

it("knows which blobs a registry gave out, whole or in part, and how many bytes", () => {
  const dir = mkdtempSync(join(tmpdir(), "ctxpack-access-log-"));
  onTestFinished(() => rmSync(dir, { recursive: true }));
  const file = join(dir, "access.log");
  const [a, b, c] = ["a", "b", "c"].map((digit) => digit.repeat(64));
  const line = (request: string, rest: string): string =>
    `127.0.0.1 - - [01/Jan/2026:00:00:00 +0000] "${request} HTTP/1.1" ${rest} "" "ctxpack"`;
  const lines = [
    line(`GET /v2/p/blobs/sha256:${a}`, "200 100"),
    line(`GET /v2/p/blobs/sha256:${b}`, "206 50"),
    line(`GET /v2/p/blobs/sha256:${c}`, "404 7"),
    line(`HEAD /v2/p/blobs/sha256:${c}`, "200 0"),
    line("GET /v2/p/manifests/tag", "200 30"),
  ];
  writeFileSync(file, `${lines.join("\n")}\n`);
  expect([...blobsServed(file)]).toEqual([a, b]);
  expect(bytesServed(file)).toBe(180);
});
