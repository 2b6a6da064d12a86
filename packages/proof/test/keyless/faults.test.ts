import { hash } from "node:crypto";
import { CtxPackError } from "@ctxpack/identity";
import { type KeylessServices, parseBundle, rekorV1Witness, tsaWitness } from "@ctxpack/proof";
import type { SigstoreFault, SigstoreService } from "@ctxpack/test-tools";
import { afterEach, describe, expect, it } from "vitest";
import { servicesOf, signWith, sigstore, trustRootOf, verifyWith } from "./sigstore.ts";

const services = sigstore();
type Asked = "fulcio" | "tsa" | "rekorV1" | "rekorV2";

const all = (): KeylessServices => servicesOf(services.now, "rekorV1", "rekorV2", "tsa");

/** What went wrong with signing. */
async function failure(asked: KeylessServices = all()): Promise<CtxPackError> {
  try {
    await signWith(asked);
  } catch (error) {
    if (CtxPackError.isInstance(error)) return error;
    throw error;
  }
  throw new Error("nothing went wrong");
}

afterEach(async () => {
  const names: SigstoreService[] = ["fulcio", "tsa", "rekorV1", "rekorV2"];
  for (const name of names) {
    await services.now.fault(name);
    await services.now.requests(name);
  }
  await services.now.fulcioMood("well");
  await services.now.tsaAhead(false);
});

describe("what passes", () => {
  it.each<[string, SigstoreFault[]]>([
    ["503 and Retry-After", [{ status: 503, headers: { "retry-after": "0" } }]],
    ["500 twice", [{ status: 500 }, { status: 502, headers: { "retry-after": "0" } }]],
    ["429 with a date", [{ status: 429, headers: { "retry-after": new Date(0).toUTCString() } }]],
    ["408", [{ status: 408 }]],
    ["a broken connection", [{ reset: true }]],
  ])("%s", async (_, faults) => {
    for (const name of ["fulcio", "tsa", "rekorV1", "rekorV2"] as const) {
      await services.now.fault(name, ...faults);
    }
    await verifyWith(await signWith(all()), trustRootOf(services.now));
    for (const name of ["fulcio", "tsa", "rekorV1", "rekorV2"] as const) {
      expect(await services.now.requests(name)).toHaveLength(faults.length + 1);
    }
  });

  it("an answer of Rekor that was lost: the entry that it made is fetched", async () => {
    await services.now.fault("rekorV1", { lost: true });
    const bytes = await signWith(servicesOf(services.now, "rekorV1"));
    await verifyWith(bytes, trustRootOf(services.now));
    const asked = await services.now.requests("rekorV1");
    expect(asked.map(({ method }) => method)).toEqual(["POST", "POST", "GET"]);
    expect(parseBundle(bytes).logEntries).toHaveLength(1);
  });
});

describe("what does not pass", () => {
  it.each<[Asked, string]>([
    ["fulcio", "Fulcio"],
    ["tsa", "the timestamping authority"],
    ["rekorV1", "Rekor"],
  ])("%s is down", async (name, called) => {
    const down = { status: 503, headers: { "retry-after": "0" }, body: "no\u001b[31m capacity" };
    await services.now.fault(name, ...Array<SigstoreFault>(10).fill(down));
    const error = await failure(servicesOf(services.now, "rekorV1", "tsa"));
    expect(error).toMatchObject({ code: "CTXPACK_E_UNAVAILABLE", hint: expect.any(String) });
    expect(error.message).toMatch(new RegExp(`^${called} .*answers 503: no \\[31m capacity$`));
    expect(await services.now.requests(name)).toHaveLength(6);
  });

  it("a service that wants to be left alone for longer than there is time", async () => {
    await services.now.fault("fulcio", { status: 503, headers: { "retry-after": "3600" } });
    const start = performance.now();
    expect(await failure()).toMatchObject({ code: "CTXPACK_E_UNAVAILABLE" });
    expect(performance.now() - start).toBeLessThan(9000);
  });

  it("an abort", async () => {
    await services.now.fault("fulcio", { delayMs: 5000 });
    const { signer } = all();
    const stop = new AbortController();
    const reason = new Error("enough");
    setTimeout(() => stop.abort(reason), 50);
    const signing = signer.sign(new Uint8Array(1), { signal: stop.signal });
    await expect(signing).rejects.toBe(reason);
  });

  it.each<[string, Asked, SigstoreFault, string, RegExp]>([
    ["Fulcio refuses", "fulcio", { status: 400 }, "CTXPACK_E_AUTH", /answers 400/],
    ["Fulcio forbids", "fulcio", { status: 403 }, "CTXPACK_E_AUTH", /answers 403/],
    ["Fulcio says HTML", "fulcio", { body: "<html>" }, "CTXPACK_E_PROTOCOL", /not JSON/],
    ["Fulcio gives nothing", "fulcio", { body: "{}" }, "CTXPACK_E_PROTOCOL", /no certificate with/],
    [
      "Fulcio gives an empty chain",
      "fulcio",
      { body: '{"signedCertificateEmbeddedSct":{"chain":{"certificates":[]}}}' },
      "CTXPACK_E_PROTOCOL",
      /empty chain/,
    ],
    [
      "Fulcio gives no certificate",
      "fulcio",
      { body: '{"signedCertificateEmbeddedSct":{"chain":{"certificates":["pem"]}}}' },
      "CTXPACK_E_PROTOCOL",
      /cannot be used: it is not a certificate/,
    ],
    [
      "Fulcio talks on and on",
      "fulcio",
      { body: " ".repeat(300_000) },
      "CTXPACK_E_PROTOCOL",
      /more than 262144/,
    ],
    [
      "Fulcio sends us away",
      "fulcio",
      { status: 307, headers: { location: "/" } },
      "CTXPACK_E_PROTOCOL",
      /answers 307/,
    ],
    ["the authority says HTML", "tsa", { body: "<html>" }, "CTXPACK_E_PROTOCOL", /no granted/],
    [
      "the authority rejects",
      "tsa",
      { body: "\x30\x05\x30\x03\x02\x01\x02" },
      "CTXPACK_E_PROTOCOL",
      /no granted/,
    ],
    ["the log rejects what is too large", "rekorV1", { status: 413 }, "CTXPACK_E_TOO_LARGE", /413/],
    ["the log says nothing", "rekorV1", { body: "" }, "CTXPACK_E_PROTOCOL", /not JSON/],
    ["the log gives no entry", "rekorV1", { body: "{}" }, "CTXPACK_E_PROTOCOL", /exactly one/],
    ["the log gives null", "rekorV1", { body: "null" }, "CTXPACK_E_PROTOCOL", /exactly one/],
    [
      "the log gives two entries",
      "rekorV1",
      { body: '{"a":{},"b":{}}' },
      "CTXPACK_E_PROTOCOL",
      /exactly one/,
    ],
    [
      "the entry has no proof",
      "rekorV1",
      { replace: ["inclusionProof", "inclusionPoof"] },
      "CTXPACK_E_PROTOCOL",
      /inclusionProof/,
    ],
    [
      "the entry has no log",
      "rekorV1",
      { replace: ["logID", "logId"] },
      "CTXPACK_E_PROOF_LOG",
      /logId.keyId/,
    ],
    [
      "there is an entry, and no place",
      "rekorV1",
      { status: 409 },
      "CTXPACK_E_PROTOCOL",
      /does not say where/,
    ],
    [
      "the entry is elsewhere",
      "rekorV1",
      { status: 409, headers: { location: "http://127.0.0.1:9/entry" } },
      "CTXPACK_E_PROTOCOL",
      /does not say where/,
    ],
    [
      "the entry is gone",
      "rekorV1",
      { status: 409, headers: { location: "/api/v1/log/entries/0" } },
      "CTXPACK_E_PROTOCOL",
      /404/,
    ],
    [
      "the v2 entry has no body",
      "rekorV2",
      { replace: ["canonicalizedBody", "body"] },
      "CTXPACK_E_PROOF_LOG",
      /unknown member/,
    ],
  ])("%s", async (_, service, fault, code, message) => {
    await services.now.fault(service, fault);
    const error = await failure();
    expect(error.message).toMatch(message);
    expect(error.code).toBe(code);
  });

  it("a certificate for another key", async () => {
    await services.now.fulcioMood("otherKey");
    expect(await failure()).toMatchObject({
      code: "CTXPACK_E_PROTOCOL",
      message: expect.stringContaining("for another key than ours"),
    });
  });

  it("a certificate that has expired", async () => {
    await services.now.fulcioMood("expired");
    expect(await failure()).toMatchObject({
      code: "CTXPACK_E_PROTOCOL",
      message: expect.stringMatching(/has expired at 20.*Z$/),
      hint: expect.stringContaining("clock"),
    });
  });

  it("a timestamp of another time", async () => {
    await services.now.tsaAhead(true);
    expect(await failure()).toMatchObject({
      code: "CTXPACK_E_PROTOCOL",
      message: expect.stringContaining("one of the two clocks is wrong"),
    });
  });

  it("a timestamp of something else", async () => {
    const { signer } = all();
    const { identity, signature } = await signer.sign(new Uint8Array(1));
    const answers: string[] = [];
    const witness = tsaWitness({ url: `${services.now.urls.tsa}/api/v1/timestamp` });
    const signed = { identity, signature, pae: new Uint8Array(1), envelope: "" };
    const { timestamps = [] } = await witness.witness(signed);
    for (const der of timestamps) answers.push(Buffer.from(der).toString("latin1"));
    expect(answers).toHaveLength(1);
    // The digest in it becomes another one.
    const digest = hash("sha256", signature, "buffer").toString("latin1");
    await services.now.fault("tsa", { replace: [digest, "x".repeat(32)] });
    await expect(witness.witness(signed)).rejects.toMatchObject({
      code: "CTXPACK_E_PROTOCOL",
      message: expect.stringContaining("of something else"),
    });
  });

  it("a log entry about another signature", async () => {
    const { signer } = all();
    const other = await signer.sign(new Uint8Array(1));
    const sig = Buffer.from(other.signature).toString("base64");
    const payload = Buffer.from("other").toString("base64");
    const envelope = JSON.stringify({
      payload,
      payloadType: "application/vnd.in-toto+json",
      signatures: [{ sig }],
    });
    const v1 = rekorV1Witness({ url: services.now.urls.rekorV1 });
    await v1.witness({ ...other, pae: new Uint8Array(1), envelope });
    const [asked] = await services.now.requests("rekorV1");
    const created = await fetch(`${services.now.urls.rekorV1}${asked?.url}`, {
      method: "POST",
      body: asked?.body ?? "",
    });
    const place = created.headers.get("location") ?? "";
    expect(place).toContain("/api/v1/log/entries/");
    await services.now.fault("rekorV1", { status: 409, headers: { location: place } });
    expect(await failure(servicesOf(services.now, "rekorV1"))).toMatchObject({
      code: "CTXPACK_E_PROOF_LOG",
      message: expect.stringContaining("another signature"),
    });
  });

  it("is seen by the verifier alone: a proof that does not lead to the log's checkpoint", async () => {
    const replace = ['"hashes":[]', `"hashes":["${"0".repeat(64)}"]`] as const;
    await services.now.fault("rekorV1", { replace });
    const bytes = await signWith(servicesOf(services.now, "rekorV1"));
    await expect(verifyWith(bytes, trustRootOf(services.now))).rejects.toMatchObject({
      code: "CTXPACK_E_PROOF_LOG",
    });
  });

  it("is seen by the verifier alone: an SCT by another log", async () => {
    await services.now.fulcioMood("foreignSct");
    const bytes = await signWith(all());
    await expect(verifyWith(bytes, trustRootOf(services.now))).rejects.toMatchObject({
      code: "CTXPACK_E_PROOF_CERTIFICATE",
    });
  });
});
