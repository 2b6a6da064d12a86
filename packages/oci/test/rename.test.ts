import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { OciArchive, OciLayout } from "@ctxpack/oci";
import { busyRenames } from "@ctxpack/test-tools";
import { beforeEach, expect, it } from "vitest";
import { storeCredential } from "../src/auth/docker-config.ts";
import { rename } from "../src/rename.ts";
import { pushArtifact } from "./graph.ts";
import { workplace } from "./workplace.ts";

const place = workplace();
let dir: string;
let from: string;
let to: string;
beforeEach(async () => {
  dir = await place();
  from = join(dir, "from");
  to = join(dir, "to");
  writeFileSync(from, "x");
});

/** Renames that fail with `code` so many times. */
function busy(code: string, times: number) {
  const tried = { count: 0 };
  const move = (a: string, b: string): void => {
    tried.count += 1;
    if (tried.count <= times) throw Object.assign(new Error(code), { code });
    renameSync(a, b);
  };
  return { tried, move: move as typeof renameSync };
}

it.each(["EPERM", "EACCES", "EBUSY"])("waits on Windows for what is open (%s)", (code) => {
  const { tried, move } = busy(code, 3);
  rename(from, to, { platform: "win32", move });
  expect([tried.count, existsSync(from), existsSync(to)]).toEqual([4, false, true]);
});

it("gives up on what stays open", () => {
  const { tried, move } = busy("EPERM", 100);
  expect(() => rename(from, to, { platform: "win32", move })).toThrow("EPERM");
  expect([tried.count, existsSync(from)]).toEqual([6, true]);
});

it.each([
  ["win32", "ENOTEMPTY"],
  ["win32", "ENOENT"],
  ["linux", "EPERM"],
  ["darwin", "EACCES"],
] as const)("asks once on %s for %s", (platform, code) => {
  const { tried, move } = busy(code, 1);
  expect(() => rename(from, to, { platform, move })).toThrow(code);
  expect(tried.count).toBe(1);
});

it("renames", () => {
  rename(from, to);
  expect([existsSync(from), existsSync(to)]).toEqual([false, true]);
});

it("is how layouts, archives and credentials are put in their place", async () => {
  const archive = join(dir, "x.tar");
  {
    using busy = busyRenames();
    const layout = await OciLayout.open(join(dir, "pantry"), { create: true });
    await layout.tag(await pushArtifact(layout, ["a"]), "v1");
    await OciArchive.write(archive, layout);
    const credential = { kind: "basic", username: "a", password: "b" } as const;
    await storeCredential("reg.example", credential, { env: { HOME: dir, DOCKER_CONFIG: dir } });
    // oci-layout, index.json twice, three blobs, the archive, config.json.
    expect(busy.refused).toHaveLength(8);
  }
  expect(await (await OciArchive.open(archive)).resolve("v1")).toBeDefined();
  expect(readFileSync(join(dir, "config.json"), "utf8")).toContain("reg.example");
});
