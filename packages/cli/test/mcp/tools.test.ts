// Agents that ask first: every tool through the official client and the real program.
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { cleanUp, result, run, scratch } from "../run.ts";
import { connect } from "./client.ts";

cleanUp();

/** A project whose result is in its store. */
async function project(): Promise<{ cwd: string; uri: string }> {
  const cwd = scratch();
  mkdirSync(join(cwd, "docs"));
  writeFileSync(join(cwd, "docs/a.md"), "# a\n");
  writeFileSync(
    join(cwd, "contract.json"),
    JSON.stringify({
      name: "handbook",
      inputs: [{ name: "docs", path: "docs" }],
      transforms: [{ tool: "split", tool_version: "1.2", model: "embed-small" }],
    }),
  );
  mkdirSync(join(cwd, "out/text"), { recursive: true });
  writeFileSync(join(cwd, "out/text/a.txt"), "grüße ".repeat(4000));
  writeFileSync(join(cwd, "out/vectors.bin"), Uint8Array.of(0xff, 0xfe, 0, 1));
  return { cwd, uri: await result(["seed", "out", "--contract", "contract.json"], { cwd }) };
}

test("without --allow-write only what reads is offered, and says so", async () => {
  const { cwd } = await project();
  const { client } = await connect({ cwd });
  const { tools } = await client.listTools();
  expect(tools.map(({ name }) => name)).toEqual([
    "ctx_lookup",
    "ctx_why",
    "ctx_search",
    "ctx_inspect",
    "ctx_files",
    "ctx_read",
    "ctx_pull",
  ]);
  for (const { annotations } of tools) expect(annotations?.readOnlyHint).toBe(true);
  const writing = await connect({ cwd, flags: ["--allow-write"] });
  const all = (await writing.client.listTools()).tools;
  const changing = all.filter(({ annotations }) => !annotations?.readOnlyHint);
  expect(changing.map(({ name }) => name)).toEqual(["ctx_pull", "ctx_seed", "ctx_push"]);
  expect(client.getInstructions()).toContain("ask: ctx_lookup");
});

test("a hit, a miss with its reasons, and what differs", async () => {
  const { cwd, uri } = await project();
  const { call } = await connect({ cwd });
  expect((await call("ctx_lookup", { contract: "contract.json" })).value).toEqual({
    uri,
    hit: true,
    where: "store",
    misses: [],
  });
  const contract = {
    inputs: [{ name: "docs", path: "docs" }],
    transforms: [{ tool: "split", tool_version: "1.2", model: "embed-large" }],
  };
  const miss = (await call("ctx_lookup", { contract })).value;
  expect(miss).toMatchObject({ hit: false, misses: [{ where: "store", reason: "never seen" }] });
  const why = (await call("ctx_why", { contract })).value;
  expect(why["uri"]).toBe(miss["uri"]);
  expect(why["explanation"]).toMatchObject({
    nearest: { uri },
    differences: [
      {
        pointer: "/transforms/0/model",
        kind: "changed",
        before: "embed-small",
        after: "embed-large",
      },
    ],
  });
});

test("packs are searched by what is known of them", async () => {
  const { cwd, uri } = await project();
  const { call } = await connect({ cwd });
  const found = async (query: object) =>
    (await call("ctx_search", query)).value["hits"].map((hit: { uri: string }) => hit.uri);
  for (const query of [
    {},
    { name: "HAND" },
    { tool: "split@1.2" },
    { model: "small" },
    { input: "docs" },
    { text: "handbook embed" },
    { kind: "contract" },
  ]) {
    expect(await found(query)).toEqual([uri]);
  }
  for (const query of [{ name: "x" }, { model: "large" }, { kind: "trace" }, { text: "split x" }]) {
    expect(await found(query)).toEqual([]);
  }
});

test("recorded runs are searched too", async () => {
  const { cwd } = await project();
  const log = join(import.meta.dirname, "../../../trace/test/fixtures");
  const { stdout } = await run(["trace", "pack", join(log, "execution-log/langchain.json")], {
    cwd,
  });
  const { call } = await connect({ cwd });
  const { hits } = (await call("ctx_search", { kind: "trace" })).value;
  expect(hits.map((hit: { uri: string }) => hit.uri)).toEqual([stdout.trim()]);
});

test("a pack is described, listed page by page, and read in parts", async () => {
  const { cwd, uri } = await project();
  const { call } = await connect({ cwd });
  expect((await call("ctx_inspect", { uri: uri.slice(0, 30) })).value).toMatchObject({
    uri,
    name: "handbook",
    files: 2,
  });
  const first = (await call("ctx_files", { uri, limit: 1 })).value;
  expect(first).toEqual({ files: [{ path: "text/a.txt", size: 32_000 }], next: "text/a.txt" });
  const rest = (await call("ctx_files", { uri, after: first["next"] })).value;
  expect(rest).toEqual({ files: [{ path: "vectors.bin", size: 4 }] });

  let text = "";
  let offset: number | undefined = 0;
  let parts = 0;
  while (offset !== undefined) {
    // 999 falls into the middle of characters.
    const args = { uri, path: "text/a.txt", offset, length: 9_999 };
    const { value } = await call("ctx_read", args);
    text += value["text"];
    offset = value["next"];
    parts++;
  }
  expect(parts).toBe(4);
  expect(text).toBe(readFileSync(join(cwd, "out/text/a.txt"), "utf8"));
  const binary = (await call("ctx_read", { uri, path: "vectors.bin" })).value;
  expect(binary).toEqual({ path: "vectors.bin", size: 4, offset: 0, base64: "//4AAQ==" });
});

test("seed, push, find by tag in a pantry, and pull into a folder elsewhere", async () => {
  const { cwd } = await project();
  const maker = await connect({ cwd, flags: ["--allow-write"] });
  const contract = { transforms: [{ tool: "audit" }] };
  const seeded = (await maker.call("ctx_seed", { folder: "out", contract, name: "a" })).value;
  expect(seeded).toMatchObject({ created: true, files: 2 });
  const { uri } = seeded as { uri: string };
  const pushed = (await maker.call("ctx_push", { uri, to: "oci:pantry" })).value;
  expect(pushed["action"]).toBe("created");
  await result(["tag", uri, "nightly", "--to", "oci:pantry"], { cwd });

  const env = { CTXPACK_CACHE_DIR: join(cwd, "store-b") };
  const user = await connect({ cwd, env, flags: ["--allow-write"] });
  const hits = (await user.call("ctx_search", { tag: "night*", from: "oci:pantry" })).value["hits"];
  expect(hits).toMatchObject([{ uri, tag: "nightly", tools: ["audit"] }]);
  const pulled = await user.call("ctx_pull", {
    uri,
    from: "oci:pantry",
    only: ["text/**"],
    to: "got",
  });
  expect(pulled.value).toMatchObject({ path: join(cwd, "got"), verified: "no policy" });
  expect(readdirSync(join(cwd, "got"))).toEqual(["text"]);
});

test("a configured pantry is asked without being named", async () => {
  const { cwd, uri } = await project();
  await result(["push", uri, "--to", "oci:pantry"], { cwd });
  const address = `oci:${join(cwd, "pantry")}`;
  await result(["remote", "add", "team", address], { cwd });
  const { call } = await connect({ cwd, env: { CTXPACK_CACHE_DIR: join(cwd, "store-b") } });
  const looked = (await call("ctx_lookup", { contract: "contract.json" })).value;
  expect(looked).toMatchObject({ hit: true, where: address });
  expect((await call("ctx_inspect", { uri, from: "team" })).value["where"]).toBe(address);
  const pulled = (await call("ctx_pull", { uri })).value;
  expect(readFileSync(join(pulled["path"], "vectors.bin"))).toHaveLength(4);
});
