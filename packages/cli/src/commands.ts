import type { Command } from "./command.ts";

/** A command as the main help lists it; the rest is loaded when it is called. */
export interface CommandEntry {
  readonly group: string;
  readonly summary: string;
  load(): Promise<Command>;
}

/** Every command by its name, in the order help prints them. */
export const COMMANDS: Readonly<Record<string, CommandEntry>> = {
  init: {
    group: "identity",
    summary: "write a contract to start from",
    load: async () => (await import("./commands/init.ts")).init,
  },
  id: {
    group: "identity",
    summary: "print the URI of a contract",
    load: async () => (await import("./commands/id.ts")).id,
  },
  diff: {
    group: "identity",
    summary: "show what differs between two contracts or packs",
    load: async () => (await import("./commands/diff.ts")).diff,
  },
  why: {
    group: "identity",
    summary: "explain why there is no result for a contract",
    load: async () => (await import("./commands/why.ts")).why,
  },
  status: {
    group: "identity",
    summary: "say which results of a project are fresh, and why others are not",
    load: async () => (await import("./commands/status.ts")).status,
  },
  seed: {
    group: "packs",
    summary: "put the output of a contract into the store",
    load: async () => (await import("./commands/seed.ts")).seed,
  },
  run: {
    group: "packs",
    summary: "get the output of a contract, or compute it",
    load: async () => (await import("./commands/run.ts")).run,
  },
  map: {
    group: "packs",
    summary: "compute one result for every file of an input",
    load: async () => (await import("./commands/map.ts")).map,
  },
  recheck: {
    group: "packs",
    summary: "compute an output again and say what differs",
    load: async () => (await import("./commands/recheck.ts")).recheck,
  },
  push: {
    group: "packs",
    summary: "send a pack from the store to a pantry",
    load: async () => (await import("./commands/push.ts")).push,
  },
  pull: {
    group: "packs",
    summary: "get a pack by URI and print its path",
    load: async () => (await import("./commands/pull.ts")).pull,
  },
  exists: {
    group: "packs",
    summary: "say where a pack can be had",
    load: async () => (await import("./commands/exists.ts")).exists,
  },
  inspect: {
    group: "packs",
    summary: "show what made a pack and what it holds",
    load: async () => (await import("./commands/inspect.ts")).inspect,
  },
  cat: {
    group: "packs",
    summary: "print one file of a pack",
    load: async () => (await import("./commands/cat.ts")).cat,
  },
  ls: {
    group: "packs",
    summary: "list the packs of the store, or the files of one pack",
    load: async () => (await import("./commands/ls.ts")).ls,
  },
  tag: {
    group: "packs",
    summary: "give a pack in a pantry a name that people remember",
    load: async () => (await import("./commands/tag.ts")).tag,
  },
  cp: {
    group: "packs",
    summary: "copy packs between pantries and archive files",
    load: async () => (await import("./commands/cp.ts")).cp,
  },
  rm: {
    group: "store",
    summary: "remove a pack from the store",
    load: async () => (await import("./commands/rm.ts")).rm,
  },
  gc: {
    group: "store",
    summary: "remove what nothing in a pantry needs any more",
    load: async () => (await import("./commands/gc.ts")).gc,
  },
  pin: {
    group: "store",
    summary: "keep a pack in the store whatever happens",
    load: async () => (await import("./commands/pin.ts")).pin,
  },
  unpin: {
    group: "store",
    summary: "let a pinned pack go again",
    load: async () => (await import("./commands/pin.ts")).unpin,
  },
  fsck: {
    group: "store",
    summary: "find damage in the store, and repair it",
    load: async () => (await import("./commands/fsck.ts")).fsck,
  },
  verify: {
    group: "store",
    summary: "hash every byte of a pack in the store",
    load: async () => (await import("./commands/verify.ts")).verify,
  },
  "cache path": {
    group: "store",
    summary: "print where the store lies",
    load: async () => (await import("./commands/cache-path.ts")).cachePath,
  },
  keygen: {
    group: "trust",
    summary: "make a key to sign with",
    load: async () => (await import("./commands/keygen.ts")).keygen,
  },
  attest: {
    group: "trust",
    summary: "sign how a pack was made",
    load: async () => (await import("./commands/attest.ts")).attest,
  },
  "policy explain": {
    group: "trust",
    summary: "say in words what policies accept, and why they do not accept a pack",
    load: async () => (await import("./commands/policy-explain.ts")).policyExplain,
  },
  "proof create": {
    group: "trust",
    summary: "write down what an artifact is, and the evidence for it",
    load: async () => (await import("./commands/proof-create.ts")).proofCreate,
  },
  "proof verify": {
    group: "trust",
    summary: "check artifacts, evidence and signatures of proofs",
    load: async () => (await import("./commands/proof-verify.ts")).proofVerify,
  },
  "proof sign": {
    group: "trust",
    summary: "sign proofs",
    load: async () => (await import("./commands/proof-sign.ts")).proofSign,
  },
  "trace pack": {
    group: "traces",
    summary: "make a pack of an agent's run",
    load: async () => (await import("./commands/trace-pack.ts")).tracePack,
  },
  "trace show": {
    group: "traces",
    summary: "show a run, its steps, or one of them",
    load: async () => (await import("./commands/trace-show.ts")).traceShow,
  },
  "trace log": {
    group: "traces",
    summary: "list the runs in the store",
    load: async () => (await import("./commands/trace-log.ts")).traceLog,
  },
  "trace diff": {
    group: "traces",
    summary: "say what differs between two runs, and why",
    load: async () => (await import("./commands/trace-diff.ts")).traceDiff,
  },
  "trace replay": {
    group: "traces",
    summary: "check a run, execute its tools again, or serve it as a tape",
    load: async () => (await import("./commands/trace-replay.ts")).traceReplay,
  },
  "trace verify": {
    group: "traces",
    summary: "say which run produced a file",
    load: async () => (await import("./commands/trace-verify.ts")).traceVerify,
  },
  "trace fork": {
    group: "traces",
    summary: "lay a run out as files to be edited",
    load: async () => (await import("./commands/trace-fork.ts")).traceFork,
  },
  "trace finalize": {
    group: "traces",
    summary: "make a run of an edited fork",
    load: async () => (await import("./commands/trace-finalize.ts")).traceFinalize,
  },
  "trace import": {
    group: "traces",
    summary: "pack the runs of many logs, or of the earlier tool",
    load: async () => (await import("./commands/trace-import.ts")).traceImport,
  },
  "trace export": {
    group: "traces",
    summary: "write a run as an ATIF trajectory",
    load: async () => (await import("./commands/trace-export.ts")).traceExport,
  },
  "trace record": {
    group: "traces",
    summary: "run an agent and pack what it says to models",
    load: async () => (await import("./commands/trace-record.ts")).traceRecord,
  },
  login: {
    group: "pantry",
    summary: "show a registry an account, and keep it",
    load: async () => (await import("./commands/login.ts")).login,
  },
  logout: {
    group: "pantry",
    summary: "forget the account of a registry",
    load: async () => (await import("./commands/logout.ts")).logout,
  },
  "remote add": {
    group: "pantry",
    summary: "name a pantry in your configuration",
    load: async () => (await import("./commands/remote.ts")).remoteAdd,
  },
  "remote ls": {
    group: "pantry",
    summary: "list the pantries that are configured",
    load: async () => (await import("./commands/remote.ts")).remoteLs,
  },
  "remote rm": {
    group: "pantry",
    summary: "take a pantry's name out of your configuration",
    load: async () => (await import("./commands/remote.ts")).remoteRm,
  },
  doctor: {
    group: "pantry",
    summary: "find out what is wrong, and what to do about it",
    load: async () => (await import("./commands/doctor.ts")).doctor,
  },
  report: {
    group: "pantry",
    summary: "show what is in the store, what it saved, and why things were computed",
    load: async () => (await import("./commands/report.ts")).report,
  },
  mcp: {
    group: "agents and shells",
    summary: "answer agents over the Model Context Protocol",
    load: async () => (await import("./commands/mcp.ts")).mcp,
  },
  completion: {
    group: "agents and shells",
    summary: "teach a shell to complete commands, URIs and pantries",
    load: async () => (await import("./commands/completion.ts")).completion,
  },
};
