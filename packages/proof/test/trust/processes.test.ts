import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { sha256 } from "@ctxpack/identity";
import { missingProgram, startSigstore } from "@ctxpack/test-tools";
import { describe, expect, it } from "vitest";
import { sigstore } from "../keyless/sigstore.ts";
import { managerOf, trustFolder } from "./places.ts";
import { runJob } from "./run-job.ts";

const services = sigstore();

describe("processes that share a trust directory", () => {
  it("eight at once on a cold one refresh it once", async () => {
    const directory = trustFolder();
    await services.now.requests("tuf");
    // Slow, so that all of them find nothing.
    await services.now.fault("tuf", { delayMs: 2000 });
    const jobs = Array.from({ length: 8 }, () => runJob(services.now, directory));
    const results = await Promise.all(jobs);
    const digest = sha256(Buffer.from(services.now.trustedRoot));
    expect(results.map((result) => result.digest)).toEqual(Array(8).fill(digest));
    const urls = (await services.now.requests("tuf")).map(({ url }) => url);
    expect(urls.filter((url) => url === "/timestamp.json")).toHaveLength(1);
    expect(urls).toHaveLength(5);
    const counted = results.flatMap((result) => result.counted);
    const refreshes = counted.filter((name) => name.includes("refresh_count ok"));
    expect(refreshes).toHaveLength(1);
  });

  it("goes on when the one that refreshes is killed", async () => {
    const directory = trustFolder();
    await services.now.fault("tuf", { delayMs: 30_000 });
    await expect(
      runJob(services.now, directory, [], ["timeout", "-s", "KILL", "2"]),
    ).rejects.toThrow("exit");
    await services.now.fault("tuf");
    const start = performance.now();
    await managerOf(services.now, directory).get();
    expect(performance.now() - start).toBeLessThan(14_000);
  });

  it("a process that serves what is older ends by itself", async () => {
    const directory = trustFolder();
    await managerOf(services.now, directory).get();
    const { counted } = await runJob(services.now, directory, ["stale"]);
    expect(counted).toContain("proof_artifacts.cache.stale_served_count");
  });
});

describe.skipIf(missingProgram("strace"))("offline", () => {
  /** Runs a job and says which sockets it made. */
  async function traced(directory: string, ...flags: string[]) {
    const trace = join(trustFolder(), "trace");
    // Who opens a socket offline is refused it, and seen.
    const deny = flags.includes("offline") ? ["-e", "inject=socket:error=EPERM"] : [];
    const strace = ["strace", "-f", "-qq", "-e", "trace=socket,connect", ...deny, "-o", trace];
    const result = await runJob(services.now, directory, flags, strace);
    const calls = readFileSync(trace, "utf8").split("\n");
    return { ...result, sockets: calls.filter((line) => /socket\(AF_INET|connect\(/.test(line)) };
  }

  it("opens no socket, warm or cold", async () => {
    const directory = trustFolder();
    expect(await traced(directory, "offline")).toMatchObject({
      code: "CTXPACK_E_PROOF_TRUST_ROOT",
      sockets: [],
    });
    const online = await traced(directory);
    expect(online.sockets.length).toBeGreaterThan(0);
    expect(await traced(directory, "offline")).toMatchObject({
      digest: online.digest,
      sockets: [],
    });
    // Nor does a stale one try.
    expect(await traced(directory, "offline", "stale")).toMatchObject({ sockets: [] });
  });
});

describe("offline", () => {
  it("says what to do when there is nothing", async () => {
    const manager = managerOf(services.now, trustFolder(), { offline: true });
    await expect(manager.get()).rejects.toMatchObject({
      code: "CTXPACK_E_PROOF_TRUST_ROOT",
      message: "offline, and of the trust root mock there is none that can be used",
      hint: expect.stringContaining("trusted_root.json"),
    });
    await expect(manager.refresh()).rejects.toMatchObject({ code: "CTXPACK_E_USAGE" });
  });

  it("needs no mirror that is there", async () => {
    const directory = trustFolder();
    let gone: Parameters<typeof managerOf>[0];
    {
      await using own = await startSigstore();
      gone = own;
      await managerOf(own, directory).get();
    }
    await managerOf(gone, directory, { offline: true }).get();
    await managerOf(gone, directory).get();
    await expect(managerOf(gone, directory).refresh()).rejects.toMatchObject({
      code: "CTXPACK_E_UNAVAILABLE",
      hint: expect.stringContaining("network"),
    });
  });
});

describe("the package", () => {
  it("loads neither HTTP nor TUF before it needs them", async () => {
    const code = `
      import { createRequire } from "node:module";
      import * as proof from "@ctxpack/proof";
      const { cache } = createRequire(import.meta.url);
      const loaded = () => ["undici", "tuf-js", "@tufjs/models", "@sigstore/tuf", "@sigstore/verify"]
        .filter((name) => Object.keys(cache).some((file) => file.includes("/node_modules/" + name + "/")));
      console.log(JSON.stringify([typeof proof.keylessSigner, ...loaded()]));
      await proof.publicGoodMirror();
      await new proof.TrustRootManager({ directory: "/nonexistent", offline: true }).get().catch(() => {});
      console.log(JSON.stringify(loaded()));
    `;
    const args = ["--conditions=@ctxpack/source", "--input-type=module", "-e", code];
    const cwd = new URL("../..", import.meta.url);
    const { stdout } = await promisify(execFile)(process.execPath, args, { cwd });
    const [before, after] = stdout.trim().split("\n");
    expect(JSON.parse(before ?? "")).toEqual(["function"]);
    expect(JSON.parse(after ?? "")).toEqual(["@sigstore/tuf"]);
  });
});
