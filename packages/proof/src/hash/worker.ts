import { parentPort } from "node:worker_threads";
import { serve } from "./serve.ts";

// A thread of `threads.ts`.
if (parentPort !== null) serve(parentPort);
