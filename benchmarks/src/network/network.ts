import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { giveSpaceBack } from "../measure.ts";
import { findProgram } from "../programs.ts";
import type { Question } from "../question.ts";
import { gigabyteMaterial, indexMaterial } from "./material.ts";
import { openPlace } from "./place.ts";
import { canShape, type LinkSpeed } from "./shaped-link.ts";
import { transfers } from "./transfers.ts";

const SPEEDS: readonly LinkSpeed[] = [
  { rateMbit: 1000, roundTripMs: 20 },
  { rateMbit: 1000, roundTripMs: 80 },
  { rateMbit: 100, roundTripMs: 20 },
  { rateMbit: 100, roundTripMs: 80 },
];

/** Reuse across machines: what a push and a pull take, and how much of a link they use. */
export const network: Question = {
  name: "network",
  about:
    "push and pull of 50 MB and 1 GB over loopback and four links, against the best curl (root)",
  byName: true,
  programs: ["docker-registry", "curl", "ip", "tc"],
  whys: {
    "one upload":
      "One PUT of all bytes needs one round trip and no answer for each blob; it cannot leave out what the registry has. " +
      "A registry that takes a blob in one request would save ours a round trip for each.",
    ranges:
      "Ranges of one blob are bare bytes: nothing is hashed, unpacked or written as files, and one connection is as good as " +
      "another. What is left of the difference is our checking and the tree, most of it while bytes still arrive.",
    "16 at a time":
      "`curl` writes the blobs as they come: no digest is computed, nothing is unpacked, no manifest is read or written, and its " +
      "list of blobs and its upload sessions are made before the clock starts. These steps are a handful of round trips.",
  },
  *rounds(bench) {
    if (!findProgram("docker-registry") || !findProgram("curl")) {
      bench.note("absent: docker-registry or curl; `network` is left out");
      return;
    }
    const data = join(bench.scratch, "data");
    mkdirSync(data);
    const materials = [indexMaterial(bench, data), gigabyteMaterial(bench, data)];
    for (const speed of [undefined, ...speedsFor(bench.scale, (line) => bench.note(line))]) {
      const scratch = join(
        bench.scratch,
        speed ? `${speed.rateMbit}-${speed.roundTripMs}` : "loopback",
      );
      mkdirSync(scratch);
      using place = openPlace(scratch, data, speed);
      for (const material of materials) {
        yield* transfers(bench, { material, place, data, scratch: join(scratch, material.name) });
      }
      // The next link needs the room.
      giveSpaceBack(scratch, 1);
    }
  },
};

function speedsFor(scale: "full" | "smoke", note: (line: string) => void): readonly LinkSpeed[] {
  if (canShape()) return scale === "full" ? SPEEDS : SPEEDS.slice(-2, -1);
  note("links need iproute2 and root; only loopback is measured");
  return [];
}
