import { mkdtemp, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { compare, hasGnuTime } from "../src/measure.ts";

const timed = hasGnuTime();
if (!timed) console.warn("skipped: CPU seconds and memory need GNU time");

describe("compare", () => {
  let scratch = "";
  beforeAll(async () => {
    scratch = await mkdtemp(join(tmpdir(), "ctxpack-measure-"));
  });
  afterAll(() => rm(scratch, { recursive: true, force: true }));

  it("interleaves the contenders and gives every run its own number", () => {
    const log: string[] = [];
    const contender = (name: string) => ({
      name,
      prepare: (run: number) => void log.push(`${name}${run}`),
      argv: () => [process.execPath, "-e", "0"],
    });
    const found = compare([contender("a"), contender("b")], { runs: 2, warmUps: 1, scratch });
    expect(log).toEqual(["a0", "b0", "a1", "b1", "a2", "b2"]);
    expect(found.map(({ name, runs }) => [name, runs])).toEqual([
      ["a", 2],
      ["b", 2],
    ]);
    for (const { wall } of found) {
      expect(wall.least).toBeGreaterThan(0);
      expect(wall.median).toBeGreaterThanOrEqual(wall.least);
      expect(wall.most).toBeGreaterThanOrEqual(wall.median);
    }
  });

  it("runs and counts a slow contender as often as it asks", () => {
    const log: string[] = [];
    const contender = (name: string, runs?: number) => ({
      name,
      prepare: () => void log.push(name),
      argv: () => [process.execPath, "-e", "0"],
      ...(runs !== undefined && { runs }),
    });
    const options = { runs: 2, warmUps: 1, scratch };
    const found = compare([contender("a"), contender("slow", 1)], options);
    expect(log).toEqual(["a", "slow", "a", "a"]);
    expect(found.map(({ runs }) => runs)).toEqual([2, 1]);
  });

  it.skipIf(!timed)("sees the memory and the CPU time of the process it started", () => {
    const script = "const b = Buffer.alloc(200e6, 1); for (let i = 0; i < 3e8; i++); b[0]";
    const busy = { name: "busy", argv: () => [process.execPath, "-e", script] };
    const idle = { name: "idle", argv: () => [process.execPath, "-e", "0"] };
    const [a, b] = compare([busy, idle], { runs: 1, warmUps: 0, scratch });
    expect((a?.peak ?? 0) - (b?.peak ?? 0)).toBeGreaterThan(150);
    expect(a?.cpu ?? 0).toBeGreaterThan(b?.cpu ?? 0);
  });

  it("gives back the space of all runs but the first, and deletes nothing", async () => {
    const folder = (run: number) => join(scratch, `left-${run}`);
    const script = `const fs = require("fs"); const d = process.argv[1] + "/.blobs"; fs.mkdirSync(d, { recursive: true });
      fs.writeFileSync(d + "/large", Buffer.alloc(1e6), { mode: 0o444 }); fs.writeFileSync(d + "/small", "x")`;
    const argv = (run: number) => [process.execPath, "-e", script, folder(run)];
    const leaves = (run: number) => [folder(run), join(scratch, "never-written")];
    compare([{ name: "writes", argv, leaves }], { runs: 2, warmUps: 0, scratch });
    const sizes = async (run: number) => {
      const left = ["large", "small"].map((name) => stat(join(folder(run), ".blobs", name)));
      return (await Promise.all(left)).map(({ size }) => size);
    };
    expect(await sizes(0)).toEqual([1e6, 1]);
    expect(await sizes(1)).toEqual([0, 1]);
  });

  it("reports a command that fails with what it said", () => {
    const argv = () => [process.execPath, "-e", "console.error('no disk'); process.exit(3)"];
    expect(() => compare([{ name: "broken", argv }], { runs: 1, warmUps: 0, scratch })).toThrow(
      /broken: .*exit 3\n.*no disk/s,
    );
  });
});
