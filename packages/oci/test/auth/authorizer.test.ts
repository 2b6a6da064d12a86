import { describe, expect, it } from "vitest";
import { Authorizer, type TokenSender } from "../../src/auth/authorizer.ts";
import {
  type Credential,
  type CredentialProvider,
  staticCredentials,
} from "../../src/auth/credential.ts";

type Sent = Parameters<TokenSender>[0];

/** A token server in a function: notes what it is asked, and answers as it is told. */
function server(
  answer: (request: Sent, n: number) => { status?: number; body?: unknown } = () => ({}),
) {
  const asked: Sent[] = [];
  const send: TokenSender = async (request) => {
    asked.push(request);
    const n = asked.length;
    await new Promise((resolve) => setTimeout(resolve, 1));
    const { status = 200, body = { token: `t${n}`, expires_in: 300 } } = answer(request, n);
    const text = typeof body === "string" ? body : JSON.stringify(body);
    return { status, body: new TextEncoder().encode(text) };
  };
  return { asked, send };
}

const BEARER = 'Bearer realm="https://auth.example/token",service="reg"';
const PULL = "repository:a/b:pull";

function authorizer(send: TokenSender, credential?: Credential, now?: () => number): Authorizer {
  return new Authorizer({
    origin: new URL("https://reg.example"),
    host: "reg.example",
    credentials: credential && staticCredentials({ "reg.example": credential }, "the test"),
    send,
    ...(now && { now }),
  });
}

const basic: Credential = { kind: "basic", username: "alice", password: "s3cret:x" };

describe("Basic", () => {
  it("is shown when it is asked for, and then unasked", async () => {
    const auth = authorizer(server().send, basic);
    expect(await auth.header([PULL])).toBeUndefined();
    const header = `Basic ${Buffer.from("alice:s3cret:x").toString("base64")}`;
    expect(await auth.answer(['Basic realm="x"'], [PULL])).toBe(header);
    expect(await auth.header([PULL])).toBe(header);
    expect(auth).toMatchObject({ scheme: "basic", credentialSource: "the test" });
  });

  it("is not shown twice, and says where it came from", async () => {
    const auth = authorizer(server().send, basic);
    const sent = await auth.answer(['Basic realm="x"'], []);
    await expect(auth.answer(['Basic realm="x"'], [], { sent })).rejects.toMatchObject({
      code: "CTXPACK_E_AUTH",
      message: "reg.example: it does not take the credentials from the test",
      hint: "ctxpack login reg.example",
    });
  });

  it("without credentials there is nothing to show", async () => {
    await expect(authorizer(server().send).answer(['Basic realm="x"'], [])).rejects.toMatchObject({
      code: "CTXPACK_E_AUTH",
      message: "reg.example: it wants to know who asks, and there are no credentials for it",
    });
  });

  it.each([[[]], [["Negotiate"]]])("what is neither is said: %j", async (challenges) => {
    await expect(authorizer(server().send, basic).answer(challenges, [])).rejects.toMatchObject({
      code: "CTXPACK_E_AUTH",
    });
  });
});

describe("Bearer", () => {
  it("asks by GET with service, scopes and account", async () => {
    const { asked, send } = server();
    const auth = authorizer(send, basic);
    const scopes = ["repository:a/b:push", PULL, "repository:c:pull"];
    expect(await auth.answer([`${BEARER},scope="${PULL}"`], scopes)).toBe("Bearer t1");
    const { method, url, headers } = asked[0] as Sent;
    expect(method).toBe("GET");
    expect(url.searchParams.getAll("scope")).toEqual([
      "repository:a/b:pull,push",
      "repository:c:pull",
    ]);
    expect(url.searchParams.get("service")).toBe("reg");
    expect(url.searchParams.get("account")).toBe("alice");
    expect(headers["authorization"]).toMatch(/^Basic /);
    expect(await auth.header(scopes)).toBe("Bearer t1");
    expect(asked).toHaveLength(1);
  });

  it("asks anonymously without credentials, and prefers Bearer to Basic", async () => {
    const { asked, send } = server();
    expect(await authorizer(send).answer([`Basic realm="x", ${BEARER}`], [PULL])).toBe("Bearer t1");
    expect(asked[0]?.headers).toEqual({});
    expect(asked[0]?.url.searchParams.has("account")).toBe(false);
  });

  it("exchanges an identity token by POST, and by GET where there is no POST", async () => {
    const identity: Credential = { kind: "identity", token: "refresh me" };
    const posted = server();
    await authorizer(posted.send, identity).answer([BEARER], [PULL]);
    expect(posted.asked[0]?.method).toBe("POST");
    expect(Object.fromEntries(new URLSearchParams(posted.asked[0]?.body))).toEqual({
      grant_type: "refresh_token",
      client_id: "ctxpack",
      service: "reg",
      scope: PULL,
      refresh_token: "refresh me",
    });
    const old = server(({ method }) => (method === "POST" ? { status: 404 } : {}));
    expect(await authorizer(old.send, identity).answer([BEARER], [PULL])).toBe("Bearer t2");
    expect(old.asked.map(({ method }) => method)).toEqual(["POST", "GET"]);
  });

  it("sends a registry token as it is, wherever the realm may be", async () => {
    const { asked, send } = server();
    const auth = authorizer(send, { kind: "bearer", token: "made-elsewhere" });
    expect(await auth.answer(['Bearer realm="http://169.254.169.254/"'], [])).toBe(
      "Bearer made-elsewhere",
    );
    expect(asked).toEqual([]);
    await expect(
      auth.answer([BEARER], [], { sent: "Bearer made-elsewhere" }),
    ).rejects.toMatchObject({ code: "CTXPACK_E_AUTH" });
  });

  it("50 who need one token cause one request; one who is aborted fails alone", async () => {
    const { asked, send } = server();
    const auth = authorizer(send, basic);
    const controller = new AbortController();
    const all = Array.from({ length: 50 }, (_, i) =>
      auth.answer([BEARER], [PULL], i === 7 ? { signal: controller.signal } : {}),
    );
    controller.abort(new Error("enough"));
    const settled = await Promise.allSettled(all);
    expect(settled.filter(({ status }) => status === "rejected")).toHaveLength(1);
    expect(asked).toHaveLength(1);
  });

  it("a failure is nobody's answer the next time", async () => {
    const { asked, send } = server((_, n) => (n === 1 ? { status: 503 } : {}));
    const auth = authorizer(send, basic);
    await expect(auth.answer([BEARER], [PULL])).rejects.toMatchObject({
      code: "CTXPACK_E_UNAVAILABLE",
    });
    expect(await auth.answer([BEARER], [PULL])).toBe("Bearer t2");
    expect(asked).toHaveLength(2);
  });

  it("renews a token 30 s before its end, and one that was refused at once", async () => {
    let now = 1_000_000;
    const { asked, send } = server();
    const auth = authorizer(send, basic, () => now);
    expect(await auth.answer([BEARER], [PULL])).toBe("Bearer t1");
    now += 269_000;
    expect(await auth.header([PULL])).toBe("Bearer t1");
    now += 2_000;
    expect(await auth.header([PULL])).toBe("Bearer t2");
    // In the middle of a transfer, before its time.
    expect(await auth.answer([BEARER], [PULL], { sent: "Bearer t2" })).toBe("Bearer t3");
    // Somebody else has got a newer one meanwhile: that one is used.
    expect(await auth.answer([BEARER], [PULL], { sent: "Bearer t2" })).toBe("Bearer t3");
    expect(asked).toHaveLength(3);
  });

  it("refusals of one token that come shortly after each other cause one request", async () => {
    for (let ticks = 0; ticks < 12; ticks++) {
      const { asked, send } = server();
      const auth = authorizer(send, basic);
      const sent = await auth.answer([BEARER], [PULL]);
      const first = auth.answer([BEARER], [PULL], { sent });
      for (let i = 0; i < ticks; i++) await Promise.resolve();
      expect(await auth.answer([BEARER], [PULL], { sent })).toBe("Bearer t2");
      expect(await first).toBe("Bearer t2");
      expect(asked).toHaveLength(2);
    }
  });

  it("a token that is slow to come holds up nobody who needs another", async () => {
    const slow = Promise.withResolvers<void>();
    const { send } = server();
    const auth = authorizer(async (request) => {
      if (request.url.href.includes("slow")) await slow.promise;
      return send(request);
    }, basic);
    const sent = await auth.answer([BEARER], [PULL]);
    const other = auth.answer([BEARER], ["repository:slow:pull"]);
    expect(await auth.answer([BEARER], [PULL], { sent })).toBe("Bearer t2");
    slow.resolve();
    expect(await other).toBe("Bearer t3");
  });

  it("a registry token for one repository says nothing about the others", async () => {
    const { send } = server();
    const auth = new Authorizer({
      origin: new URL("https://reg.example"),
      host: "reg.example",
      credentials: {
        async get(_, { repository } = {}) {
          const credential = repository === "a" ? ({ kind: "bearer", token: "T" } as const) : basic;
          return { credential, source: "the test" };
        },
      },
      send,
    });
    const other = ["repository:b:pull"];
    expect(await auth.answer([BEARER], [], { repository: "a" })).toBe("Bearer T");
    expect(await auth.header(other, { repository: "b" })).toBeUndefined();
    expect(await auth.answer([BEARER], other, { repository: "b" })).toBe("Bearer t1");
    expect(await auth.answer([BEARER], [], { repository: "a" })).toBe("Bearer T");
    expect(await auth.header(other, { repository: "b" })).toBe("Bearer t1");
  });

  it("a token server that heeds the last scope only is asked for the one that is missing", async () => {
    const { asked, send } = server(({ url }) => ({
      body: { token: `only:${url.searchParams.getAll("scope").at(-1)}` },
    }));
    const auth = authorizer(send, basic);
    const scopes = [PULL, "repository:c/d:pull"];
    const first = await auth.answer([`${BEARER},scope="${PULL}"`], scopes);
    expect(first).toBe("Bearer only:repository:c/d:pull");
    const challenge = `${BEARER},scope="${PULL}",error="insufficient_scope"`;
    expect(await auth.answer([challenge], scopes, { sent: first })).toBe(`Bearer only:${PULL}`);
    expect(asked.length).toBeLessThanOrEqual(3);
  });

  it.each<[string, { status?: number; body?: unknown }, string]>([
    ["401", { status: 401 }, "CTXPACK_E_AUTH"],
    ["403", { status: 403 }, "CTXPACK_E_AUTH"],
    ["429", { status: 429 }, "CTXPACK_E_UNAVAILABLE"],
    ["500", { status: 500 }, "CTXPACK_E_UNAVAILABLE"],
    ["a redirect", { status: 302 }, "CTXPACK_E_PROTOCOL"],
    ["HTML", { body: "<html>" }, "CTXPACK_E_PROTOCOL"],
    ["no token", { body: {} }, "CTXPACK_E_PROTOCOL"],
    ["an empty token", { body: { token: "" } }, "CTXPACK_E_PROTOCOL"],
    ["a token that would be two headers", { body: { token: "a\r\nx: y" } }, "CTXPACK_E_PROTOCOL"],
    ["null", { body: "null" }, "CTXPACK_E_PROTOCOL"],
  ])("%s", async (_, answer, code) => {
    const error = await authorizer(server(() => answer).send, basic)
      .answer([BEARER], [PULL])
      .catch((e: unknown) => e);
    expect(error).toMatchObject({ code });
    const told = JSON.stringify([(error as Error).message, error, (error as Error).cause]);
    expect(told).not.toMatch(/s3cret|YWxpY2U6/);
  });

  it("takes access_token, and a life that is not said for a minute", async () => {
    let now = 0;
    const { send } = server((_, n) => ({ body: { access_token: `a${n}` } }));
    const auth = authorizer(send, basic, () => now);
    expect(await auth.answer([BEARER], [PULL])).toBe("Bearer a1");
    now = 29_000;
    expect(await auth.header([PULL])).toBe("Bearer a1");
    now = 31_000;
    expect(await auth.header([PULL])).toBe("Bearer a2");
  });
});

describe("credentials that are good for a while", () => {
  /** A provider whose password changes when it is told to, and counts how often it is asked. */
  function changing() {
    const state = { password: "1", asked: 0 };
    const credentials: CredentialProvider = {
      async get() {
        state.asked += 1;
        const { password } = state;
        return { credential: { kind: "basic", username: "alice", password }, source: "a helper" };
      },
    };
    return { state, credentials };
  }
  const origin = new URL("https://reg.example");
  const host = "reg.example";
  const header = (password: string) =>
    `Basic ${Buffer.from(`alice:${password}`).toString("base64")}`;

  it("refused by the registry, the provider is asked once more", async () => {
    const { state, credentials } = changing();
    const auth = new Authorizer({ origin, host, credentials, send: server().send });
    const challenge = ['Basic realm="x"'];
    expect(await auth.answer(challenge, [PULL])).toBe(header("1"));
    state.password = "2";
    // Not asked without a reason.
    expect(await auth.header([PULL])).toBe(header("1"));
    expect(state.asked).toBe(1);
    expect(await auth.answer(challenge, [PULL], { sent: header("1") })).toBe(header("2"));
    // Whoever was refused with the old one meanwhile gets the new one, unasked.
    expect(await auth.answer(challenge, [PULL], { sent: header("1") })).toBe(header("2"));
    expect(await auth.header([PULL])).toBe(header("2"));
    expect(state.asked).toBe(2);
    await expect(auth.answer(challenge, [PULL], { sent: header("2") })).rejects.toMatchObject({
      code: "CTXPACK_E_AUTH",
    });
    expect(state.asked).toBe(3);
  });

  it.each([400, 401, 403])("refused by the token server with %i, too", async (status) => {
    const { state, credentials } = changing();
    let now = 0;
    let good = "1";
    const { asked, send } = server(({ headers }) =>
      headers["authorization"] === header(good) ? {} : { status },
    );
    const auth = new Authorizer({ origin, host, credentials, send, now: () => now });
    expect(await auth.answer([BEARER], [PULL])).toBe("Bearer t1");
    now += 3_600_000;
    state.password = good = "2";
    expect(await auth.header([PULL])).toBe("Bearer t3");
    expect([state.asked, asked.length]).toEqual([2, 3]);
    now += 3_600_000;
    good = "3";
    await expect(auth.header([PULL])).rejects.toMatchObject({ code: "CTXPACK_E_AUTH" });
  });

  it("a 403 asks too, and gives nothing when there is nothing new", async () => {
    const { state, credentials } = changing();
    const auth = new Authorizer({ origin, host, credentials, send: server().send });
    const sent = await auth.answer(['Basic realm="x"'], [PULL]);
    expect(await auth.renewed([PULL], { sent })).toBeUndefined();
    state.password = "2";
    expect(await auth.renewed([PULL], { sent })).toBe(header("2"));
    expect(await auth.renewed([PULL], { sent })).toBe(header("2"));
    expect(state.asked).toBe(3);
  });
});

it("a credential is looked up by the whole host and port", async () => {
  const { send } = server();
  for (const host of ["reg.example:443", "xreg.example", "reg.example.evil", "reg.exampl"]) {
    const auth = new Authorizer({
      origin: new URL(`https://${host}`),
      host,
      credentials: staticCredentials({ "reg.example": basic }),
      send,
    });
    await expect(auth.answer(['Basic realm="x"'], [])).rejects.toMatchObject({
      code: "CTXPACK_E_AUTH",
    });
  }
});
