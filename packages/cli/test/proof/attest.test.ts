import { join } from "node:path";
import { expect, test } from "vitest";
import { cleanUp, result, run } from "../run.ts";
import { packed, published } from "./published.ts";

cleanUp();

test("prints the digest of the bundle, and says what was signed on stderr", async () => {
  const { cwd, uri } = await packed();
  const done = await run(["attest", uri, "--key", "k.pem"], { cwd });
  expect(done.code).toBe(0);
  expect(done.stdout).toMatch(/^sha256:[0-9a-f]{64}\n$/);
  expect(done.stderr).toMatch(/signed for sha256:.* made by .*builders\/run\/v1/);
});

test("--json has the published shape, with and without a pantry", async () => {
  const { cwd, uri } = await packed();
  const pantry = `oci:${join(cwd, "pantry")}`;
  const here = published("attest", await run(["attest", uri, "--key", "k.pem", "--json"], { cwd }));
  expect(here).not.toHaveProperty("pantry");
  await result(["push", uri, "--to", pantry], { cwd });
  const args = ["attest", uri, "--key", "k.pem", "--to", pantry, "--json"];
  expect(published("attest", await run(args, { cwd }))).toMatchObject({ uri, pantry });
});

test("what cannot be signed, and the exit code of each", async () => {
  const { cwd, uri } = await packed();
  const absent = `ctx://sha256:${"0".repeat(64)}`;
  const cases: [string[], number][] = [
    [[uri], 2],
    [[uri, "--key", "none.pem"], 2],
    [[uri, "--key", "k.pub"], 2],
    [[absent, "--key", "k.pem"], 3],
    [[uri, "--key", "k.pem", "--to", `oci:${join(cwd, "empty")}`], 3],
  ];
  for (const [args, code] of cases) {
    const done = await run(["attest", ...args, "--json"], { cwd });
    expect({ args, code: done.code }, done.stdout).toEqual({ args, code });
    published("error", done);
  }
});
