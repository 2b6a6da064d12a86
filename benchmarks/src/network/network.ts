import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { giveSpaceBack } from "../measure.ts";
import { findProgram } from "../programs.ts";
import type { Question } from "../question.ts";
import { hasRoom } from "../room.ts";
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
    "Push after":
      "`curl` is told which blobs are new and moves only these; ours finds that out first, in round trips. When it has moved the tag it " +
      "waits about half a second and looks again whether the tag is its own, and so for its list of proofs where it has proofs.",
    "Pull after":
      "`curl` is told which blobs are new and leaves them as they come. Ours lays out the whole tree of the new version: on a file system " +
      "without reflinks every large file that changed is written anew in full and checked. That is decompressing and hashing hundreds of " +
      "megabytes, which its CPU seconds show; on a link of 100 Mbit/s most of it hides behind the transfer.",
    "One file":
      "`curl` is told the blobs that the file lies in and asks for all of them at once; ours reads the manifest, the index of 8,003 files " +
      "and the segment that the file lies in, one after the other, and decompresses and checks the two whole. Node's start is 0.04 s of it.",
    "Push:":
      "`curl` is given its list and its upload sessions before the clock starts and pushes no manifest; ours asks what is there, " +
      "opens a session for each blob and then sends it, eight blobs at a time unless `-j` says more, and when it has moved a tag " +
      "looks again after half a second whether the tag is its own. The longer the round trip and the smaller the blobs, the more that is.",
    "Pull:":
      "`curl` leaves the bytes as they come: no digest is computed, nothing is unpacked, no file is written. " +
      "Over a link that is slower than that work ours hides it behind the transfer; what stays are the round trips for the manifest " +
      "and the index, and the last segment's work.",
  },
  *rounds(bench) {
    if (!findProgram("docker-registry") || !findProgram("curl")) {
      bench.note("absent: docker-registry or curl; `network` is left out");
      return;
    }
    const data = join(bench.scratch, "data");
    mkdirSync(data);
    const materials = [indexMaterial(bench, data)];
    // Both versions, a store and a registry of both, a store of one; and what one link leaves until the next one.
    if (bench.scale === "smoke" || hasRoom(bench, "1 GB over links", 15e9))
      materials.push(gigabyteMaterial(bench, data));
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
