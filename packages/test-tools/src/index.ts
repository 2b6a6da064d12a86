export { findBrowser, TestBrowser, type WatchedPage } from "./browser.ts";
export { busyRenames } from "./busy-renames.ts";
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
export { type Listening, listen, type RecordedRequest, type ServerTls } from "./http-server.ts";
export { type Nginx, type NginxOptions, startNginx } from "./nginx.ts";
export { missingProgram } from "./processes.ts";
export type { Direction, Relay, Target } from "./relay.ts";
export type { FulcioMood } from "./sigstore/authority.ts";
export type { AskedRequest, SigstoreFault, SigstoreService } from "./sigstore/faults.ts";
export { type Sigstore, type SigstoreFacts, startSigstore } from "./sigstore/services.ts";
export { identityToken, TEST_IDENTITY, TEST_ISSUER } from "./sigstore/token.ts";
export type { Publication } from "./sigstore/tuf-repository.ts";
export { type Sink, type SinkOptions, startSink } from "./sink.ts";
export {
  startTokenServer,
  type TokenCall,
  type TokenServer,
  type TokenServerSettings,
} from "./token-server.ts";
export { removeReadOnly, scratchFolder } from "./workplace.ts";
