import { execFile } from "node:child_process";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { promisify } from "node:util";
import { getDefaultTrustMaterial, publicGoodMirror } from "@ctxpack/proof";
import { describe, expect, it } from "vitest";
import { pinMirror } from "../../src/trust/mirror.ts";
import { RootChain } from "../../src/trust/tuf-state.ts";
import { trustFolder } from "./places.ts";

const run = promisify(execFile);

describe("the public instance", () => {
  it("is pinned by a root that is signed by itself", async () => {
    const mirror = await publicGoodMirror();
    const chain = await RootChain.begin(mirror.root);
    expect(chain.version).toBeGreaterThanOrEqual(16);
    expect(pinMirror(mirror).id).toMatch(/^tuf-repo-cdn\.sigstore\.dev-[0-9a-f]{16}$/);
  });

  it("is asked by default, by way of the proxy that the environment names", async () => {
    const asked: string[] = [];
    const proxy = createServer().on("connect", (request, socket) => {
      asked.push(request.url ?? "");
      socket.end("HTTP/1.1 502 Bad Gateway\r\n\r\n");
    });
    await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve));
    const code = `
      import { getDefaultTrustMaterial } from "@ctxpack/proof";
      await getDefaultTrustMaterial().catch(({ code, message }) => console.log(code, message));
    `;
    const { stdout } = await run(
      process.execPath,
      ["--conditions=@ctxpack/source", "--input-type=module", "-e", code],
      {
        cwd: new URL("../..", import.meta.url),
        env: {
          PATH: process.env["PATH"],
          CTXPACK_TRUST_DIR: trustFolder(),
          HTTPS_PROXY: `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`,
        },
      },
    );
    proxy.close();
    expect(stdout).toMatch(/^CTXPACK_E_UNAVAILABLE the trust root public-good \(tuf-repo-cdn/);
    expect(new Set(asked)).toEqual(new Set(["tuf-repo-cdn.sigstore.dev:443"]));
  });

  it("is not asked by who has been aborted", async () => {
    const signal = AbortSignal.abort(new Error("enough"));
    await expect(getDefaultTrustMaterial({ signal })).rejects.toThrow("enough");
  });
});
