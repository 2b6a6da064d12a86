import { spawn } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { answers } from "./docker-registry.ts";
import { collectLog, endProcess, freePort, searchEnv, waitReady } from "./processes.ts";
import { scratchFolder } from "./workplace.ts";

export interface NginxOptions {
  /** Bodies above so many bytes are answered 413 and a page of HTML; no limit if not set. */
  readonly maxBody?: number | undefined;
  /** Requests above this rate are answered 429 with Retry-After: 1; no limit if not set. */
  readonly requestsPerSecond?: number | undefined;
  /** So many more are let through at once before they are. */
  readonly burst?: number | undefined;
}

export interface Nginx extends AsyncDisposable {
  readonly host: string;
  readonly origin: string;
  readonly port: number;
  log(): string;
}

/** nginx in front of a registry at `origin`, on a free loopback port. Throws with its log if it does not start. */
export async function startNginx(origin: string, options: NginxOptions = {}): Promise<Nginx> {
  await using cleanup = new AsyncDisposableStack();
  const folder = cleanup.use(scratchFolder());
  const { path } = folder;
  mkdirSync(join(path, "tmp"));
  const port = await freePort();
  const { maxBody = 0, requestsPerSecond: rate, burst } = options;
  const kinds = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
  const temporary = kinds.map((kind) => `${kind}_temp_path ${path}/tmp/${kind};`).join("\n  ");
  const zone =
    rate === undefined ? "" : `limit_req_zone $binary_remote_addr zone=all:1m rate=${rate}r/s;`;
  const limit =
    rate === undefined
      ? ""
      : `limit_req zone=all${burst ? ` burst=${burst} nodelay` : ""}; limit_req_status 429; error_page 429 @slow;`;
  // As root, workers would change to a user that cannot enter the temporary folder.
  const user = process.getuid?.() === 0 ? "user root;\n" : "";
  const text = `${user}daemon off;
worker_processes 1;
pid ${path}/nginx.pid;
error_log stderr warn;
events { worker_connections 256; }
http {
  access_log off;
  ${temporary}
  ${zone}
  server {
    listen 127.0.0.1:${port};
    client_max_body_size ${maxBody};
    location / {
      ${limit}
      proxy_pass ${origin};
      proxy_set_header Host $http_host;
      proxy_http_version 1.1;
      proxy_request_buffering off;
      proxy_buffering off;
    }
    location @slow {
      internal;
      default_type text/html;
      add_header Retry-After 1 always;
      return 429 "<html><body><h1>429 Too Many Requests</h1></body></html>";
    }
  }
}
`;
  const file = join(path, "nginx.conf");
  writeFileSync(file, text);
  const child = spawn("nginx", ["-p", path, "-e", "stderr", "-c", file], {
    env: searchEnv(),
    stdio: ["ignore", "pipe", "pipe"],
  });
  cleanup.defer(() => endProcess(child));
  const log = collectLog(child);
  const own = `http://127.0.0.1:${port}`;
  await waitReady(child, log, () => answers(own));
  const started = cleanup.move();
  return {
    host: `127.0.0.1:${port}`,
    origin: own,
    port,
    log,
    [Symbol.asyncDispose]: async () => await started.disposeAsync(),
  };
}
