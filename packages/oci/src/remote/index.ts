export type { Credential, CredentialProvider, FoundCredential } from "../auth/credential.ts";
export { chainCredentials, staticCredentials } from "../auth/credential.ts";
export type { DockerConfigOptions } from "../auth/docker-config.ts";
export {
  dockerConfigCredentials,
  eraseCredential,
  storeCredential,
} from "../auth/docker-config.ts";
export type { MirroredRepository } from "./mirror.ts";
export { mirrored } from "./mirror.ts";
export type { RepositoryProbe } from "./probe.ts";
export type { RegistryProfile, UploadStrategy } from "./profile.ts";
export { profileFor } from "./profile.ts";
export type { RegistryPing } from "./registry.ts";
export { Registry } from "./registry.ts";
export { Repository } from "./repository.ts";
export type { RegistryOptions, RetryPolicy, Timeouts } from "./settings.ts";
