import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { OciLayout } from "@ctxpack/oci";
import { describe, expect, it } from "vitest";
import { collect, pushArtifact, readText } from "../graph.ts";
import { workplace } from "../workplace.ts";
import { Child } from "./child.ts";

const place = workplace();
const work = (dir: string): Promise<string[]> => readdir(join(dir, ".ctxpack"));

/** Every tag leads to a manifest that is whole, with its layers. */
async function checkWhole(layout: OciLayout): Promise<string[]> {
  const tags = await collect(layout.tags());
  for (const tag of tags) {
    const manifest = JSON.parse(await readText(layout.fetch(await layout.resolve(tag))));
    for (const d of [manifest.config, ...manifest.layers]) await readText(layout.fetch(d));
  }
  return tags;
}

describe("many writers", () => {
  it("lose nothing: 8 processes make one layout and set 50 tags each", async () => {
    const dir = join(await place(), "pantry");
    const children = Array.from({ length: 8 }, (_, i) => new Child("tagMany", dir, `p${i}`, "50"));
    expect(await Promise.all(children.map((c) => c.ends()))).toEqual(Array(8).fill(0));
    const layout = await OciLayout.open(dir, { readOnly: true });
    expect(await checkWhole(layout)).toHaveLength(400);
    expect(await work(dir)).toEqual(["lock"]);
  });

  it("in one process neither", async () => {
    const dir = join(await place(), "pantry");
    const layouts = await Promise.all(
      Array.from({ length: 4 }, () => OciLayout.open(dir, { create: true })),
    );
    const tagged = layouts.flatMap((layout, i) =>
      Array.from({ length: 10 }, async (_, k) =>
        layout.tag(await pushArtifact(layout, [`${i} ${k}`]), `t${i}-${k}`),
      ),
    );
    await Promise.all(tagged);
    expect(await checkWhole(await OciLayout.open(dir))).toHaveLength(40);
    expect(await work(dir)).toEqual(["lock"]);
  });

  it("cannot both be first", async () => {
    const dir = join(await place(), "pantry");
    await OciLayout.open(dir, { create: true });
    const children = Array.from({ length: 6 }, () => new Child("claim", dir));
    await Promise.all(children.map((c) => c.ends()));
    const outputs = children.map((c) => c.output).sort();
    expect(outputs.slice(0, 5)).toEqual(Array(5).fill("CTXPACK_E_CONFLICT"));
    const layout = await OciLayout.open(dir);
    expect(outputs[5]).toBe(`won ${(await layout.resolve("first")).digest}`);
  });
});

describe("a writer that is killed", () => {
  it("in the middle of a blob leaves a part that the next writer removes", async () => {
    const dir = join(await place(), "pantry");
    await OciLayout.open(dir, { create: true });
    const child = new Child("hang", dir);
    await child.says("hanging");
    const live = (await work(dir)).sort();
    expect(live).toHaveLength(3);
    // While it lives, nobody takes its part away.
    const layout = await OciLayout.open(dir);
    await layout.tag(await pushArtifact(layout, ["a"]), "a");
    expect((await work(dir)).sort()).toEqual(live);
    await child.kill();
    expect((await work(dir)).sort()).toEqual(live);
    await layout.tag(await pushArtifact(layout, ["b"]), "b");
    expect(await work(dir)).toEqual(["lock"]);
    expect(await checkWhole(layout)).toEqual(["a", "b"]);
  });

  it("at any other instant leaves a whole layout and blocks nobody", async () => {
    const dir = join(await place(), "pantry");
    await OciLayout.open(dir, { create: true });
    for (let round = 0; round < 12; round++) {
      const name = `r${round}`;
      const child = new Child("tagMany", dir, name, "1000");
      await child.says(`${name}-${round % 4}`);
      await new Promise((resolve) => setTimeout(resolve, (round * 7) % 13));
      await child.kill();
      const layout = await OciLayout.open(dir);
      const said = child.output.split("\n").filter((line) => line !== "");
      // What it reported is there; an unfinished last line may be anything.
      const tags = await checkWhole(layout);
      for (const tag of said.slice(0, -1)) expect(tags).toContain(tag);
      await layout.tag(await pushArtifact(layout, [name]), `after-${name}`);
      expect(await work(dir)).toEqual(["lock"]);
    }
    JSON.parse(await readFile(join(dir, "index.json"), "utf8"));
  });
});
