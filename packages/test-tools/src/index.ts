export { type Certificates, type KeyPair, makeCertificates } from "./certificates.ts";
export { type DelayLinkOptions, startDelayLink } from "./delay-link.ts";
export {
  type DockerRegistry,
  type DockerRegistryOptions,
  startDockerRegistry,
} from "./docker-registry.ts";
export type { TokenRequest } from "./fault/auth.ts";
export type { Counted, Faults } from "./fault/faults.ts";
export { digestOf } from "./fault/store.ts";
export {
  type FaultLink,
  type FaultLinkOptions,
  type LinkFault,
  startFaultLink,
} from "./fault-link.ts";
export {
  type FaultRegistry,
  type FaultRegistryOptions,
  startFaultRegistry,
} from "./fault-registry.ts";
export type { Listening, RecordedRequest, ServerTls } from "./http-server.ts";
export { type Nginx, type NginxOptions, startNginx } from "./nginx.ts";
export { missingProgram } from "./processes.ts";
export type { Direction, Relay, Target } from "./relay.ts";
export { type Sink, type SinkOptions, startSink } from "./sink.ts";
export {
  startTokenServer,
  type TokenCall,
  type TokenServer,
  type TokenServerSettings,
} from "./token-server.ts";
export { removeReadOnly, scratchFolder } from "./workplace.ts";
