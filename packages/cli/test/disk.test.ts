// A store on a full disk, on a read-only one, and of another user: exit codes, and what still works.
import { execFileSync, spawnSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { bin, cleanUp, result, run, scratch } from "./run.ts";

cleanUp();

const PANTRY = "oci:./pantry";

/** A folder with a small disk mounted at `disk`, an output and a contract; nothing where we may not mount. */
function smallDisk(): { cwd: string; disk: string; env: Record<string, string> } | undefined {
  const cwd = scratch();
  const disk = join(cwd, "disk");
  mkdirSync(disk);
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=4m", "tmpfs", disk], { stdio: "ignore" });
  } catch {
    console.warn("skipped: needs the right to mount a tmpfs");
    return undefined;
  }
  onTestFinished(() => {
    execFileSync("umount", [disk]);
  });
  const text = Array.from({ length: 200_000 }, (_, i) => (i * 2_654_435_761) % 4_294_967_291);
  mkdirSync(join(cwd, "out"));
  writeFileSync(join(cwd, "out/numbers"), text.join("\n"));
  writeFileSync(join(cwd, "c.json"), '{"transforms":[{"tool":"t"}]}');
  return { cwd, disk, env: { CTXPACK_CACHE_DIR: join(disk, "store") } };
}

test("a full disk is exit code 10, and nothing is in the way once there is room", async (context) => {
  const place = smallDisk();
  if (place === undefined) return context.skip();
  const { cwd, disk, env } = place;
  const ballast = join(disk, "ballast");
  const fill = (free: string): void => {
    rmSync(ballast, { force: true });
    execFileSync(
      "sh",
      ["-c", `head -c 9000000 /dev/zero > ${ballast}; truncate -s -${free} ${ballast}`],
      {
        stdio: "ignore",
      },
    );
  };
  const seed = ["seed", "out", "--contract", "c.json", "--quiet"];
  fill("600000");
  const seeding = await run(seed, { cwd, env });
  expect(seeding.code).toBe(10);
  expect(seeding.stderr).toMatch(/^error: writing .*: no space left\nhint: free some space/);
  rmSync(ballast);
  const uri = await result(seed, { cwd, env });
  await result(["push", uri, "--to", PANTRY], { cwd, env });

  fill("600000");
  const making = await run(["pull", uri, "--json"], { cwd, env });
  expect(making.code).toBe(10);
  expect(JSON.parse(making.stdout).error.code).toBe("CTXPACK_E_NO_SPACE");
  expect((await run(["pull", uri, "--to", join(disk, "to")], { cwd, env })).code).toBe(10);
  expect(existsSync(join(disk, "to"))).toBe(false);
  // What needs no room works.
  expect((await run(["verify", uri], { cwd, env })).code).toBe(0);
  expect(await result(["cat", uri, "numbers"], { cwd, env })).toBe(
    readFileSync(join(cwd, "out/numbers"), "utf8"),
  );

  rmSync(join(disk, "store"), { recursive: true });
  fill("600000");
  expect((await run(["pull", uri, "--from", PANTRY], { cwd, env })).code).toBe(10);
  rmSync(ballast);
  const path = await result(["pull", uri, "--from", PANTRY], { cwd, env });
  expect(readFileSync(join(path, "numbers"))).toEqual(readFileSync(join(cwd, "out/numbers")));
  expect((await run(["fsck", "--deep"], { cwd, env })).code).toBe(0);
});

test("a read-only disk: what reads works, what writes is exit code 4", async (context) => {
  const place = smallDisk();
  if (place === undefined) return context.skip();
  const { cwd, disk, env } = place;
  const uri = await result(["seed", "out", "--contract", "c.json"], { cwd, env });
  const path = await result(["pull", uri], { cwd, env });
  execFileSync("mount", ["-o", "remount,ro", disk]);
  expect(await result(["pull", uri], { cwd, env })).toBe(path);
  for (const command of ["verify", "ls", "inspect", "exists"]) {
    expect((await run([command, uri], { cwd, env })).code, command).toBe(0);
  }
  expect((await run(["fsck", "--deep"], { cwd, env })).code).toBe(0);
  await result(["pull", uri, "--to", "to"], { cwd, env });
  await result(["push", uri, "--to", PANTRY], { cwd, env });
  writeFileSync(join(cwd, "out/more"), "more");
  writeFileSync(join(cwd, "d.json"), '{"transforms":[{"tool":"u"}]}');
  for (const args of [
    ["seed", "out", "--contract", "d.json"],
    ["pin", uri],
    ["rm", uri],
    ["fsck", "--repair"],
  ]) {
    const done = await run(args, { cwd, env });
    expect(done.code, args.join(" ")).toBe(4);
    expect(done.stderr).toContain(disk);
  }
});

const canSwitch = process.getuid?.() === 0 && existsSync("/usr/bin/setpriv");
if (!canSwitch) console.warn("skipped: needs root and setpriv to be another user");

test.skipIf(!canSwitch)("another user's store: read, looked at, not repaired", async () => {
  const cwd = scratch();
  chmodSync(cwd, 0o755);
  mkdirSync(join(cwd, "out"));
  writeFileSync(join(cwd, "out/a"), "a");
  mkdirSync(join(cwd, "in"));
  writeFileSync(join(cwd, "in/large"), new Uint8Array(1 << 20));
  // With a stat index and a snapshot, which are the owner's alone.
  utimesSync(join(cwd, "in/large"), 1, 1);
  const inputs = [{ name: "in", path: "in" }];
  writeFileSync(join(cwd, "c.json"), JSON.stringify({ inputs, transforms: [{ tool: "t" }] }));
  const uri = await result(["seed", "out", "--contract", "c.json"], { cwd });
  writeFileSync(join(cwd, "d.json"), '{"transforms":[{"tool":"t"}]}');
  await result(["seed", "in", "--contract", "d.json"], { cwd });
  const path = await result(["pull", uri], { cwd });
  const asNobody = (...args: string[]) =>
    spawnSync(
      "setpriv",
      ["--reuid=65534", "--regid=65534", "--clear-groups", process.execPath, bin, ...args],
      { cwd, encoding: "utf8", env: { HOME: cwd, CTXPACK_CACHE_DIR: join(cwd, "store") } },
    );
  expect(asNobody("pull", uri)).toMatchObject({ status: 0, stdout: `${path}\n` });
  expect(asNobody("verify", uri).status).toBe(0);
  expect(asNobody("fsck", "--deep")).toMatchObject({ status: 0, stdout: "" });
  // A file that only its owner may read cannot be vouched for.
  chmodSync(join(path, "a"), 0o400);
  const found = asNobody("fsck", "--deep");
  expect(found.status).toBe(5);
  expect(found.stdout).toContain("tree-file-changed  found");
  // A folder that cannot even be listed is one damage more, not the end.
  chmodSync(path, 0o700);
  const more = asNobody("fsck");
  expect(more.status).toBe(5);
  expect(more.stdout).toContain("cannot be read: EACCES");
  const repair = asNobody("fsck", "--repair");
  expect(repair.status).toBe(4);
  expect(repair.stderr).toContain("permission denied");
});
