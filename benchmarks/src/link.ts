import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { noiseFiles } from "./corpus.ts";
import { blobsOf, curlRanges, curlUpload } from "./curl.ts";
import { ctxpack, ctxpackCommand, findProgram, quote, shell } from "./programs.ts";
import type { Bench, Question, Round } from "./question.ts";
import { writeContract } from "./seed.ts";
import { canShape, type LinkSpeed, ShapedLink } from "./shaped-link.ts";

const SPEEDS: readonly LinkSpeed[] = [
  { rateMbit: 100, roundTripMs: 40 },
  { rateMbit: 1000, roundTripMs: 40 },
];

/** How much of a link a transfer uses. */
export const link: Question = {
  name: "link",
  byName: true,
  about:
    "push and pull over 100 Mbit/s and 1 Gbit/s with 40 ms, against curl with 1, 4, 16 ranges (root)",
  *rounds(bench) {
    if (!findProgram("docker-registry") || !findProgram("curl") || !canShape()) {
      bench.note("`link` needs docker-registry, curl, iproute2 and root; it is left out");
      return;
    }
    const output = noiseFiles(join(bench.scratch, "output"), bench.scale);
    const seeded = join(bench.scratch, "seeded");
    const uri = ctxpack(["seed", output.dir, "--contract", writeContract(bench, "link")], seeded);
    for (const speed of SPEEDS) yield* over(bench, speed, { uri, seeded, dir: output.dir });
  },
};

interface Sent {
  readonly uri: string;
  readonly seeded: string;
  readonly dir: string;
}

function* over(bench: Bench, speed: LinkSpeed, { uri, seeded, dir }: Sent): Iterable<Round> {
  using shaped = new ShapedLink(bench.scratch, speed);
  const { inside, host } = shaped;
  const origin = `http://${host}`;
  const blobs = blobsOf(seeded);
  const bytes = blobs.reduce((sum, { size }) => sum + size, 0);
  const link = `${speed.rateMbit} Mbit/s, ${speed.roundTripMs} ms (${(bytes / 1e6).toFixed(0)} MB)`;
  const id = `${speed.rateMbit}`;
  const scratch = join(bench.scratch, id);
  mkdirSync(scratch);
  const place = { scratch, origin, inside };
  const pushTo = (run: number): string => `${host}/ours/p${id}-${run}`;
  yield {
    title: `Push over ${link}`,
    bytes,
    contenders: [
      {
        name: "`ctxpack push`",
        argv: (run) => [...inside, ...ctxpackCommand(), "push", uri, "--to", pushTo(run)],
        env: () => ({ CTXPACK_CACHE_DIR: seeded }),
      },
      curlUpload(place, seeded, blobs, 1),
      curlUpload(place, seeded, blobs, 4),
    ],
  };
  const whole = join(bench.scratch, "whole");
  const url = uploadWhole(
    whole,
    seeded,
    blobs.map(({ hex }) => hex),
    place,
  );
  const store = (run: number): string => join(bench.scratch, `pulled-${id}-${run}`);
  yield {
    title: `Pull over ${link}`,
    bytes,
    contenders: [
      {
        name: "`ctxpack pull`",
        argv: () => [...inside, ...ctxpackCommand(), "pull", uri, "--from", pushTo(0)],
        env: (run) => ({ CTXPACK_CACHE_DIR: store(run) }),
        leaves: (run) => [store(run)],
      },
      ...[1, 4, 16].map((parallel) => curlRanges(place, url, bytes, parallel)),
    ],
    check: () => {
      const pulled = ctxpack(["pull", uri], store(0));
      const { status, stdout } = spawnSync("diff", ["-rq", dir, pulled], { encoding: "utf8" });
      if (status !== 0) throw new Error(`what was pulled is not what was seeded:\n${stdout}`);
    },
  };
}

/** The same bytes as one blob of the registry, for ranges; its URL. */
function uploadWhole(
  file: string,
  seeded: string,
  hexes: readonly string[],
  { origin, inside }: { readonly origin: string; readonly inside: readonly string[] },
): string {
  if (!existsSync(file)) {
    writeFileSync(file, "");
    for (const hex of hexes)
      writeFileSync(file, readFileSync(join(seeded, "blobs/sha256", hex)), { flag: "a" });
  }
  const digest = `sha256:${createHash("sha256").update(readFileSync(file)).digest("hex")}`;
  const [bash = "", ...script] = shell(
    `u=$(curl -s -X POST -D - -o /dev/null ${origin}/v2/curl/whole/blobs/uploads/ | tr -d '\\r' | sed -n 's/^[Ll]ocation: //p'); ` +
      `curl -s -S --fail -o /dev/null -T ${quote(file)} "$u&digest=${digest}"`,
  );
  const [program = "", ...args] = [...inside, bash, ...script];
  const { status, stderr } = spawnSync(program, args, { encoding: "utf8" });
  if (status !== 0) throw new Error(`the whole pack could not be uploaded: ${stderr}`);
  return `${origin}/v2/curl/whole/blobs/${digest}`;
}
