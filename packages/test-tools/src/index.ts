export type { TokenRequest } from "./fault/auth.ts";
export type { Counted, Faults } from "./fault/faults.ts";
export { digestOf } from "./fault/store.ts";
export {
  type FaultRegistry,
  type FaultRegistryOptions,
  startFaultRegistry,
} from "./fault-registry.ts";
export type { Listening, RecordedRequest, ServerTls } from "./http-server.ts";
export { missingProgram } from "./processes.ts";
export { type Sink, type SinkOptions, startSink } from "./sink.ts";
export { removeReadOnly, scratchFolder } from "./workplace.ts";
