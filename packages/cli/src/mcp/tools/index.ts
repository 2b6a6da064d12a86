import type { Tool } from "../tool.ts";
import { files } from "./files.ts";
import { inspect } from "./inspect.ts";
import { lookup } from "./lookup.ts";
import { pull } from "./pull.ts";
import { push } from "./push.ts";
import { read } from "./read.ts";
import { search } from "./search.ts";
import { seed } from "./seed.ts";
import { why } from "./why.ts";

/** Every tool, in the order a client lists them. */
export const TOOLS: readonly Tool[] = [lookup, why, search, inspect, files, read, pull, seed, push];
