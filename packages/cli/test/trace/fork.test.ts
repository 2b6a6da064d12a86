// fork, edit, finalize: a run made of files that a person edits, which says what it was made of.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { cleanUp, result, run, scratch } from "../run.ts";
import { diff, json, packLog } from "./logs.ts";

cleanUp();

test("10: a fork is edited and finalized by commands; a second fork leaves the first's edits", async () => {
  const cwd = scratch();
  const uri = await packLog(cwd, { inputs: { "a.txt": "alpha\n" } });
  const draft = await result(["trace", "fork", uri], { cwd });
  writeFileSync(join(draft, "prompts/0000-user.txt"), "Say it in French.");
  const second = await result(["trace", "fork", uri], { cwd });
  expect(second).not.toBe(draft);
  expect(readFileSync(join(draft, "prompts/0000-user.txt"), "utf8")).toBe("Say it in French.");
  expect(readFileSync(join(second, "prompts/0000-user.txt"), "utf8")).toBe("Say what is in a.txt.");
  const clash = await run(["trace", "fork", uri, "--to", draft], { cwd });
  expect(clash.code).toBe(8);
  writeFileSync(join(cwd, "file"), "");
  for (const place of ["file/draft", "file/deeper/draft"]) {
    const below = await run(["trace", "fork", uri, "--to", place], { cwd });
    expect(below, below.stderr).toMatchObject({ code: 2, stdout: "" });
    expect(below.stderr).toContain(join(cwd, "file"));
  }
  expect(readFileSync(join(draft, "prompts/0000-user.txt"), "utf8")).toBe("Say it in French.");

  const forked = await result(["trace", "finalize", draft, "--name", "french"], { cwd });
  expect(forked).not.toBe(uri);
  expect(await result(["trace", "finalize", draft, "--name", "french"], { cwd })).toBe(forked);
  const { entries } = await diff(cwd, uri, forked);
  expect(entries).toEqual([expect.objectContaining({ type: "prompt_drift" })]);
  expect(await json(cwd, "trace", "show", forked)).toMatchObject({ head: { parents: [{ uri }] } });
  expect(await result(["trace", "show", forked], { cwd })).toContain(`Forked from:   ${uri}`);
  const { runs } = (await json(cwd, "trace", "log")) as { runs: object[] };
  expect(runs).toMatchObject([
    { uri: forked, parents: [uri] },
    { uri, children: [forked] },
  ]);
  const graph = await result(["trace", "log", "--graph"], { cwd });
  expect(graph.split("\n")[0]).toContain(forked.slice(13, 25));
  // A fork that nobody edited says so itself, and is a run of its own: it has a parent.
  const same = await result(["trace", "finalize", second], { cwd });
  expect((await diff(cwd, uri, same)).drift).toBe(false);
});
