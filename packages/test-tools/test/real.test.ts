import { createHash } from "node:crypto";
import { request } from "node:https";
import { describe, expect, it } from "vitest";
import {
  makeCertificates,
  missingProgram,
  startDockerRegistry,
  startFaultRegistry,
  startNginx,
} from "../src/index.ts";

async function upload(origin: string, body: Buffer): Promise<Response> {
  const begun = await fetch(`${origin}/v2/a/blobs/uploads/`, { method: "POST" });
  expect(begun.status).toBe(202);
  const digest = createHash("sha256").update(body).digest("hex");
  const location = `${begun.headers.get("location")}&digest=sha256:${digest}`;
  return await fetch(location, { method: "PUT", body: new Uint8Array(body) });
}

describe.skipIf(missingProgram("docker-registry", "openssl", "htpasswd"))("docker-registry", () => {
  it("takes a blob, and is gone afterwards", async () => {
    let origin: string;
    {
      await using registry = await startDockerRegistry();
      ({ origin } = registry);
      expect((await upload(origin, Buffer.from("hello"))).status).toBe(201);
      await using mirror = await startDockerRegistry({ proxyOf: origin });
      const digest = createHash("sha256").update("hello").digest("hex");
      const got = await fetch(`${mirror.origin}/v2/a/blobs/sha256:${digest}`);
      expect(await got.text()).toBe("hello");
    }
    await expect(fetch(`${origin}/v2/`)).rejects.toThrow();
  });

  it("asks for a password", async () => {
    const auth = { kind: "htpasswd", user: "alice", password: "s3cret" } as const;
    await using registry = await startDockerRegistry({ auth });
    const ask = async (password: string): Promise<number> => {
      const authorization = `Basic ${btoa(`alice:${password}`)}`;
      return (await fetch(`${registry.origin}/v2/`, { headers: { authorization } })).status;
    };
    expect(await ask("s3cret")).toBe(200);
    expect(await ask("other")).toBe(401);
  });

  it("takes the tokens of its token server, for their scope", async () => {
    await using registry = await startDockerRegistry({ auth: { kind: "token" } });
    const { tokenServer } = registry;
    const challenge = (await fetch(`${registry.origin}/v2/`)).headers.get("www-authenticate");
    expect(challenge).toContain(`realm="${tokenServer?.realm}"`);
    const ask = async (scope: string): Promise<number> => {
      const headers = { authorization: `Basic ${btoa("bob:pw")}` };
      const url = `${tokenServer?.realm}?service=ctxpack-test&scope=${scope}`;
      const { token } = (await (await fetch(url, { headers })).json()) as { token: string };
      const start = `${registry.origin}/v2/a/blobs/uploads/`;
      const authorization = `Bearer ${token}`;
      return (await fetch(start, { method: "POST", headers: { authorization } })).status;
    };
    expect(await ask("repository:a:pull,push")).toBe(202);
    expect(await ask("repository:b:pull,push")).toBe(401);
    const body = new URLSearchParams({
      grant_type: "password",
      username: "bob",
      password: "pw",
      access_type: "offline",
    });
    const posted = await fetch(tokenServer?.realm ?? "", { method: "POST", body });
    expect(await posted.json()).toHaveProperty("refresh_token");
    expect(tokenServer?.calls.map(({ method }) => method)).toEqual(["GET", "GET", "POST"]);
  });

  it("speaks TLS to who has a certificate, as the fault registry does", async () => {
    const { ca, server, client } = await makeCertificates();
    await using real = await startDockerRegistry({ tls: { ...server, clientCa: ca } });
    await using fault = await startFaultRegistry({ tls: { ...server, clientCa: ca } });
    for (const { port } of [real, fault]) {
      const ask = async (own: object): Promise<number | undefined> => {
        const { promise, resolve, reject } = Promise.withResolvers<number | undefined>();
        const options = { host: "127.0.0.1", port, path: "/v2/", ca, agent: false, ...own };
        request(options, (answer) => resolve(answer.resume().statusCode))
          .once("error", reject)
          .end();
        return await promise;
      };
      expect(await ask(client)).toBe(200);
      await expect(ask({})).rejects.toThrow();
    }
  });
});

describe.skipIf(missingProgram("nginx", "docker-registry"))("nginx", () => {
  it("refuses long bodies with HTML, and too many requests", async () => {
    await using registry = await startDockerRegistry();
    await using front = await startNginx(registry.origin, { maxBody: 1000 });
    expect((await upload(front.origin, Buffer.alloc(1000))).status).toBe(201);
    const refused = await upload(front.origin, Buffer.alloc(1001));
    expect([refused.status, refused.headers.get("content-type")]).toEqual([413, "text/html"]);
    await using slow = await startNginx(registry.origin, { requestsPerSecond: 1 });
    const all = await Promise.all(Array.from({ length: 5 }, () => fetch(`${slow.origin}/v2/`)));
    const limited = all.filter(({ status }) => status === 429);
    expect(limited.length).toBeGreaterThan(0);
    expect(limited[0]?.headers.get("retry-after")).toBe("1");
  });
});
