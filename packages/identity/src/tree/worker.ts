import { parentPort } from "node:worker_threads";
import { HashJob } from "./job.ts";
import type { ToThread } from "./workers.ts";

// A thread of `workers.ts`: takes its part of each job and ends; what it did not do, others do.
parentPort?.on("message", (job: ToThread) => {
  if (job === null) parentPort?.close();
  else new HashJob(job).workAlone();
});
