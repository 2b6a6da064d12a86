import { spawn, spawnSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { request } from "node:https";
import { join } from "node:path";
import type { ServerTls } from "./http-server.ts";
import { collectLog, endProcess, freePort, searchEnv, waitReady } from "./processes.ts";
import { startTokenServer, type TokenServer, type TokenServerSettings } from "./token-server.ts";
import { scratchFolder } from "./workplace.ts";

export interface DockerRegistryOptions {
  /** Whether manifests and blobs can be deleted; they can if not set. */
  readonly delete?: boolean | undefined;
  readonly auth?:
    | { readonly kind: "htpasswd"; readonly user: string; readonly password: string }
    | ({ readonly kind: "token" } & TokenServerSettings)
    | undefined;
  /** With `clientCa` it wants client certificates. */
  readonly tls?: ServerTls | undefined;
  /** The URL of a registry that this one is a pull-through cache of. */
  readonly proxyOf?: string | undefined;
  readonly relativeUrls?: boolean | undefined;
}

/** Debian's docker-registry as a process of its own. */
export interface DockerRegistry extends AsyncDisposable {
  readonly host: string;
  readonly origin: string;
  readonly port: number;
  /** Its storage. */
  readonly dir: string;
  /** What it wrote so far. */
  log(): string;
  /** Present with `auth: { kind: "token" }`. */
  readonly tokenServer?: TokenServer;
}

/**
 * Starts docker-registry in a temporary folder on a free loopback port and waits until it answers. Throws an `Error`
 * with its log if it does not. Needs docker-registry, and htpasswd or openssl for `auth`.
 */
export async function startDockerRegistry(
  options: DockerRegistryOptions = {},
): Promise<DockerRegistry> {
  await using cleanup = new AsyncDisposableStack();
  const folder = cleanup.use(scratchFolder());
  const dir = join(folder.path, "storage");
  mkdirSync(dir);
  const write = (name: string, text: string): string => {
    const file = join(folder.path, name);
    writeFileSync(file, text, { mode: 0o600 });
    return file;
  };
  const { auth, tls } = options;
  const tokenServer =
    auth?.kind === "token" ? cleanup.use(await startTokenServer(auth)) : undefined;
  const port = await freePort();
  // JSON is YAML.
  const config = {
    version: "0.1",
    log: { level: "warn", accesslog: { disabled: true } },
    storage: {
      filesystem: { rootdirectory: dir },
      delete: { enabled: options.delete ?? true },
      cache: { blobdescriptor: "inmemory" },
      maintenance: { uploadpurging: { enabled: false } },
    },
    http: {
      addr: `127.0.0.1:${port}`,
      secret: "not-a-secret",
      relativeurls: options.relativeUrls ?? false,
      ...(tls !== undefined && {
        tls: {
          certificate: write("server.crt", tls.cert),
          key: write("server.key", tls.key),
          ...(tls.clientCa !== undefined && { clientcas: [write("client-ca.crt", tls.clientCa)] }),
        },
      }),
    },
    ...(auth?.kind === "htpasswd" && {
      auth: {
        htpasswd: {
          realm: "ctxpack-test",
          path: write("htpasswd", hashPassword(auth.user, auth.password)),
        },
      },
    }),
    ...(tokenServer !== undefined && {
      auth: {
        token: {
          realm: tokenServer.realm,
          service: tokenServer.service,
          issuer: tokenServer.issuer,
          rootcertbundle: write("token.crt", tokenServer.certificate),
        },
      },
    }),
    ...(options.proxyOf !== undefined && { proxy: { remoteurl: options.proxyOf } }),
  };
  const file = write("config.yml", JSON.stringify(config, null, 2));
  const child = spawn("docker-registry", ["serve", file], {
    env: searchEnv(),
    stdio: ["ignore", "pipe", "pipe"],
  });
  cleanup.defer(() => endProcess(child));
  const log = collectLog(child);
  const scheme = tls === undefined ? "http" : "https";
  const origin = `${scheme}://127.0.0.1:${port}`;
  await waitReady(child, log, () => (tls === undefined ? answers(origin) : answersTls(port)));
  const started = cleanup.move();
  return {
    host: `127.0.0.1:${port}`,
    origin,
    port,
    dir,
    log,
    ...(tokenServer !== undefined && { tokenServer }),
    [Symbol.asyncDispose]: async () => await started.disposeAsync(),
  };
}

/** One line of an htpasswd file; docker-registry takes bcrypt only. */
function hashPassword(user: string, password: string): string {
  // The password goes in through stdin: other users of the machine can read arguments.
  const made = spawnSync("htpasswd", ["-niB", user], { input: password, env: searchEnv() });
  if (made.status !== 0) throw new Error(`htpasswd: ${made.error ?? made.stderr}`);
  return made.stdout.toString();
}

/** Whether a registry answers `GET /v2/`, with or without being let in. */
export async function answers(origin: string): Promise<boolean> {
  const answer = await fetch(`${origin}/v2/`);
  await answer.body?.cancel();
  return answer.status === 200 || answer.status === 401;
}

/** Whether somebody speaks TLS there; who wants a client certificate ends the handshake or the request. */
async function answersTls(port: number): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const probe = request({ host: "127.0.0.1", port, path: "/v2/", rejectUnauthorized: false });
  probe.once("response", (answer) => {
    answer.resume();
    resolve(true);
  });
  probe.once("error", (error: NodeJS.ErrnoException) => resolve(error.code !== "ECONNREFUSED"));
  probe.end();
  return await promise;
}
