import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";

it("verifies a bundle with a key without loading sigstore's libraries", () => {
  const program = fileURLToPath(new URL("./verify-alone.ts", import.meta.url));
  const args = ["--conditions=@ctxpack/source", program];
  const output = execFileSync(process.execPath, args, { encoding: "utf8" });
  expect(JSON.parse(output)).toEqual({ verified: "key", sigstore: [] });
});
