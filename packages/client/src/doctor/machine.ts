import { arch, platform, release } from "node:os";
import type { Session } from "../session.ts";
import type { Finding } from "./finding.ts";

const SUPPORTED = "^24.15.0 || >=26.0.0";

/** Node.js and the platform. */
export function checkMachine(): Finding[] {
  const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
  const isSupported = major >= 26 || (major === 24 && minor >= 15);
  const node: Finding = isSupported
    ? { area: "machine", state: "ok", message: `Node.js ${process.versions.node}` }
    : {
        area: "machine",
        state: "problem",
        message: `Node.js ${process.versions.node} is not one of ${SUPPORTED}`,
        hint: "install a newer Node.js",
        code: "CTXPACK_E_UNSUPPORTED",
      };
  return [node, { area: "machine", state: "ok", message: `${platform()} ${arch()} ${release()}` }];
}

/** The files that were read, and what they and the environment say. */
export function checkConfiguration(session: Session): Finding[] {
  const { files, offline, pantries } = session.config;
  const read: Finding[] = files.map((file) => ({
    area: "configuration",
    subject: file,
    state: "ok",
    message: "read",
  }));
  const notes: Finding[] = [];
  if (files.length === 0) {
    notes.push({ area: "configuration", state: "ok", message: "no configuration file: defaults" });
  }
  if (offline) {
    notes.push({
      area: "configuration",
      state: "warning",
      message: "offline is set: no registry is asked",
      hint: "unset CTXPACK_OFFLINE, or offline in the configuration",
    });
  }
  if (pantries.length === 0) {
    notes.push({
      area: "configuration",
      state: "warning",
      message: "no pantry is configured",
      hint: "ctxpack remote add NAME host/repository",
    });
  }
  return [...read, ...notes];
}
