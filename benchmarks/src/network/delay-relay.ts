// A relay that is as far away as told: HOST PORT ROUND_TRIP_MS FILE. Its own port goes into FILE.
import { renameSync, writeFileSync } from "node:fs";
import { startDelayLink } from "@ctxpack/test-tools";

const [host = "", port = "", roundTripMs = "", file = ""] = process.argv.slice(2);
const relay = await startDelayLink(
  { host, port: Number(port) },
  { roundTripMs: Number(roundTripMs) },
);
writeFileSync(`${file}.new`, String(relay.port));
renameSync(`${file}.new`, file);
