import { workerData } from "node:worker_threads";
import { HashJob, type SharedJob } from "./job.ts";

// A thread of `workers.ts`: takes its part of the job and ends; what it did not do, others do.
new HashJob(workerData as SharedJob).workAlone();
