// The server as a process: what is on its stdout, how it ends, and that calls can be cancelled.
import { spawn } from "node:child_process";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { bin, cleanUp, finish, run, scratch, start } from "../run.ts";
import { connect } from "./client.ts";

cleanUp();

const INITIALIZE = JSON.stringify({
  jsonrpc: "2.0",
  id: 1,
  method: "initialize",
  params: {
    protocolVersion: "2025-06-18",
    capabilities: {},
    clientInfo: { name: "by hand", version: "1" },
  },
});

/** Starts the server with a stdin to write to. */
function serve(cwd: string) {
  const env = { PATH: process.env["PATH"] ?? "", HOME: cwd, CTXPACK_CACHE_DIR: join(cwd, "store") };
  const child = spawn(process.execPath, [bin, "mcp"], { cwd, env });
  onTestFinished(() => void child.kill("SIGKILL"));
  return child;
}

/** Resolves when the first line is there. */
async function firstLine(child: ReturnType<typeof serve>): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>();
  let text = "";
  child.stdout.on("data", (chunk) => {
    text += chunk;
    if (text.includes("\n")) resolve(text.slice(0, text.indexOf("\n")));
  });
  return await promise;
}

test("stdout is protocol only, also after what is no message, and it ends with its stdin", async () => {
  const child = serve(scratch());
  const done = finish(child);
  child.stdin.write(
    `${INITIALIZE}\nthis is no message\n{"jsonrpc":"2.0","id":2,"method":"ping"}\n`,
  );
  const line = await firstLine(child);
  expect(JSON.parse(line)).toMatchObject({ id: 1, result: { serverInfo: { name: "ctxpack" } } });
  await new Promise((resolve) => setTimeout(resolve, 300));
  child.stdin.end();
  const { code, stdout } = await done;
  expect(code).toBe(0);
  for (const one of stdout.trimEnd().split("\n")) {
    expect(JSON.parse(one)).toMatchObject({ jsonrpc: "2.0" });
  }
  expect(stdout).toContain('"id":2');
});

test.for([
  ["SIGINT", 130],
  ["SIGTERM", 143],
] as const)("%s ends it", async ([signal, code]) => {
  const child = serve(scratch());
  const done = finish(child);
  child.stdin.write(`${INITIALIZE}\n`);
  await firstLine(child);
  child.kill(signal);
  expect((await done).code).toBe(code);
});

test("a client that is gone ends it", async () => {
  const child = serve(scratch());
  const done = finish(child);
  child.stdin.write(`${INITIALIZE}\n`);
  await firstLine(child);
  child.stdout.destroy();
  child.stdin.write(`{"jsonrpc":"2.0","id":2,"method":"ping"}\n`);
  child.stdin.end();
  const { code, stderr } = await done;
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
});

test("a message without end is not kept in memory for ever", async () => {
  const child = serve(scratch());
  const done = finish(child);
  child.stdin.on("error", () => {});
  child.stdin.write(`${INITIALIZE}\n`);
  await firstLine(child);
  const block = "x".repeat(1 << 20);
  const closed = new Promise((resolve) => child.once("close", resolve));
  for (let i = 0; i < 64 && child.stdin.writable; i++) {
    if (child.stdin.write(block)) continue;
    await Promise.race([new Promise((resolve) => child.stdin.once("drain", resolve)), closed]);
  }
  child.stdin.end();
  expect((await done).stderr).toMatch(/warning: .*buffer/i);
});

test("a call that is cancelled lets go of the registry, and the next one is answered", async () => {
  const cwd = scratch();
  const { promise: gone, resolve } = Promise.withResolvers<void>();
  const { promise: asked, resolve: isAsked } = Promise.withResolvers<void>();
  // Takes the question and never answers.
  const registry = createServer((request) => {
    isAsked();
    request.socket.once("close", resolve);
  });
  await new Promise<void>((listening) => registry.listen(0, "127.0.0.1", listening));
  onTestFinished(() => void registry.close());
  const { port } = registry.address() as AddressInfo;
  const env = { CTXPACK_REGISTRY: `127.0.0.1:${port}/packs` };
  const { call } = await connect({ cwd, env });
  const abort = new AbortController();
  const contract = { transforms: [{ tool: "t" }] };
  const pending = call("ctx_lookup", { contract }, abort.signal);
  await asked;
  abort.abort(new Error("changed my mind"));
  await expect(pending).rejects.toThrow("changed my mind");
  await gone;
  expect((await call("ctx_search")).value).toEqual({ hits: [], more: false });
});

test("a root that is no folder, and --json, are refused before anything is served", async () => {
  const cwd = scratch();
  const missing = await run(["mcp", "--root", "nowhere"], { cwd });
  expect(missing).toMatchObject({ code: 2, stdout: "" });
  expect(missing.stderr).toContain("--root nowhere: no such folder");
  const json = await finish(start(["mcp", "--json"], { cwd }));
  expect(json.code).toBe(2);
});
