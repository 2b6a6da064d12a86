import { documents } from "./documents/updates.ts";
import { keyless } from "./keyless.ts";
import { large } from "./large.ts";
import { map } from "./map.ts";
import { materialise } from "./materialise.ts";
import { network } from "./network/network.ts";
import { peers } from "./peers/peers.ts";
import { proof } from "./proof.ts";
import { published } from "./published/published.ts";
import { pull } from "./pull.ts";
import type { Question } from "./question.ts";
import { rag } from "./rag/rag.ts";
import { registry } from "./registry.ts";
import { reseed } from "./reseed.ts";
import { scale } from "./scale/scale.ts";
import { seed } from "./seed.ts";
import { sign } from "./sign.ts";
import { start } from "./start.ts";
import { tree } from "./tree.ts";
import { why } from "./why.ts";

/** All questions, in the order they are asked in. A new one is written in a file of its own and named here. */
export const QUESTIONS: readonly Question[] = [
  published,
  start,
  tree,
  seed,
  reseed,
  materialise,
  pull,
  map,
  documents,
  rag,
  registry,
  why,
  sign,
  proof,
  keyless,
  network,
  peers,
  scale,
  large,
];
