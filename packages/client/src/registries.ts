import { readFile } from "node:fs/promises";
import { CtxPackError } from "@ctxpack/identity";
import type { Reference } from "@ctxpack/oci";
import type {
  CredentialProvider,
  MirroredRepository,
  Registry,
  RegistryOptions,
  Repository,
} from "@ctxpack/oci/remote";
import type { Config, Env } from "./config.ts";
import { credentialsOf } from "./credentials.ts";
import type { RegistrySettings } from "./registry-settings.ts";

/** The registries of a session, each connected to once. The half that speaks HTTP is loaded with the first. */
export class Registries implements AsyncDisposable {
  readonly #config: Config;
  readonly #env: Env;
  readonly #credentials: CredentialProvider | undefined;
  readonly #warn: (text: string) => void;
  readonly #open = new Map<string, Promise<Registry>>();

  constructor(settings: {
    readonly config: Config;
    readonly env: Env;
    readonly credentials: CredentialProvider | undefined;
    readonly warn: (text: string) => void;
  }) {
    this.#config = settings.config;
    this.#env = settings.env;
    this.#credentials = settings.credentials;
    this.#warn = settings.warn;
  }

  /** Throws CTXPACK_E_UNAVAILABLE when offline is set, CTXPACK_E_CONFIG for settings that cannot be used. */
  async registry(host: string): Promise<Registry> {
    if (this.#config.offline) {
      throw new CtxPackError("CTXPACK_E_UNAVAILABLE", `${host} was not asked: offline is set`, {
        hint: "unset CTXPACK_OFFLINE, or name a directory pantry: oci:DIR",
      });
    }
    let opening = this.#open.get(host);
    if (opening === undefined) {
      opening = this.#connect(host);
      this.#open.set(host, opening);
      opening.catch(() => this.#open.delete(host));
    }
    return opening;
  }

  async repository({ registry, repository }: Reference): Promise<Repository> {
    return (await this.registry(registry)).repository(repository);
  }

  /** A repository to read from, through the mirrors its registry has. */
  async readable(reference: Reference): Promise<Repository | MirroredRepository> {
    const primary = await this.repository(reference);
    const { mirrors = [], mirroredTags } = this.#config.registries[reference.registry] ?? {};
    if (mirrors.length === 0) return primary;
    const { mirrored } = await import("@ctxpack/oci/remote");
    const opened: Repository[] = [];
    for (const mirror of mirrors) {
      const [host = "", ...prefix] = mirror.split("/");
      const name = [...prefix, reference.repository].join("/");
      opened.push((await this.registry(host)).repository(name));
    }
    return mirrored(primary, opened, { tags: mirroredTags, onWarning: this.#warn });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const open = [...this.#open.values()];
    this.#open.clear();
    // One that could not be opened has been reported where it was needed.
    const registries = await Promise.all(open.map((one) => one.catch(() => undefined)));
    await Promise.all(registries.map((registry) => registry?.[Symbol.asyncDispose]()));
  }

  /** A registry of its own, with these credentials only; the caller closes it. */
  async connect(host: string, credentials: CredentialProvider): Promise<Registry> {
    const { Registry } = await import("@ctxpack/oci/remote");
    const settings = this.#config.registries[host] ?? {};
    return new Registry(host, {
      ...(await optionsOf(settings, host)),
      env: this.#env,
      credentials,
      onWarning: this.#warn,
    });
  }

  async #connect(host: string): Promise<Registry> {
    const remote = await import("@ctxpack/oci/remote");
    return this.connect(host, credentialsOf(remote, this.#env, this.#credentials));
  }
}

async function optionsOf(settings: RegistrySettings, host: string): Promise<RegistryOptions> {
  const { plainHttp, ca, cert, key, insecure, proxy } = settings;
  const { trustedRealmHosts, allowCrossHostUpload } = settings;
  const { referrers, upload, chunkSize, ranges } = settings;
  const pem = (path: string | undefined, name: string): Promise<string | undefined> =>
    path === undefined ? Promise.resolve(undefined) : readPem(path, `/registries/${host}/${name}`);
  const tls = {
    ca: await pem(ca, "ca"),
    cert: await pem(cert, "cert"),
    key: await pem(key, "key"),
    insecure,
  };
  const hasTls = Object.values(tls).some((value) => value !== undefined);
  return {
    plainHttp,
    ...(hasTls && { tls }),
    proxy,
    trustedRealmHosts,
    allowCrossHostUpload,
    profile: {
      ...(referrers !== undefined && { referrers }),
      ...(upload !== undefined && { upload }),
      ...(chunkSize !== undefined && { chunkSize }),
      ...(ranges !== undefined && { ranges }),
    },
  };
}

async function readPem(path: string, setting: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new CtxPackError("CTXPACK_E_CONFIG", `${setting}: ${path} cannot be read: ${code}`, {
      cause: error,
      details: { path },
    });
  }
}
