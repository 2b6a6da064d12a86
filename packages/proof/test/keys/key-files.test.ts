import { generateKeyPairSync } from "node:crypto";
import { chmodSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  generateKey,
  keyId,
  publicKeyFile,
  readPrivateKey,
  readPublicKey,
  writeKeyFiles,
} from "@ctxpack/proof";
import { scratchFolder } from "@ctxpack/test-tools";
import { describe, expect, it, onTestFinished } from "vitest";

function folder(): string {
  const scratch = scratchFolder();
  onTestFinished(() => scratch[Symbol.dispose]());
  return scratch.path;
}

/** A file with `text` that only its owner may read. */
function keyFile(text: string | Buffer): string {
  const file = join(folder(), "k.pem");
  writeFileSync(file, text, { mode: 0o600 });
  return file;
}

const keyError = (message: string | RegExp) =>
  expect.objectContaining({
    code: "CTXPACK_E_KEY_FILE",
    message: typeof message === "string" ? expect.stringContaining(message) : message,
  });

describe.each(["ecdsa-p256", "ed25519"] as const)("a key of %s", (algorithm) => {
  it("goes to files and comes back", async () => {
    const pair = await generateKey({ algorithm });
    const file = join(folder(), "k.pem");
    const files = await writeKeyFiles(file, pair);
    expect(files).toEqual({ privateKey: file, publicKey: publicKeyFile(file) });
    expect(files.publicKey.endsWith("/k.pub")).toBe(true);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(readFileSync(file, "utf8")).toMatch(/^-----BEGIN PRIVATE KEY-----\n/);
    const publicKey = await readPublicKey(files.publicKey);
    expect(keyId(publicKey)).toBe(pair.keyId);
    const privateKey = await readPrivateKey(file);
    expect(privateKey.export({ type: "pkcs8", format: "pem" })).toBe(pair.privateKey);
  });

  it("is encrypted with a passphrase, which only an encrypted key asks for", async () => {
    const { privateKey } = await generateKey({ algorithm, passphrase: "correct hörse" });
    expect(privateKey).toMatch(/^-----BEGIN ENCRYPTED PRIVATE KEY-----\n/);
    const file = keyFile(privateKey);
    await readPrivateKey(file, { passphrase: "correct hörse" });
    await readPrivateKey(file, { passphrase: async () => "correct hörse" });
    await expect(readPrivateKey(file)).rejects.toThrow(keyError("no passphrase was given"));
    const wrong = readPrivateKey(file, { passphrase: "wrong" });
    await expect(wrong).rejects.toThrow(keyError("cannot be decrypted"));
    const open = keyFile((await generateKey({ algorithm })).privateKey);
    const neverAsked = (): string => {
      throw new Error("asked");
    };
    await readPrivateKey(open, { passphrase: neverAsked });
  });
});

describe("writeKeyFiles", () => {
  it.each(["k.pem", "k.pub"])(
    "leaves a %s that is there alone, and writes nothing",
    async (name) => {
      const dir = folder();
      writeFileSync(join(dir, name), "mine");
      const written = writeKeyFiles(join(dir, "k.pem"), await generateKey());
      await expect(written).rejects.toThrow(keyError("is already there"));
      expect(readdirSync(dir)).toEqual([name]);
      expect(readFileSync(join(dir, name), "utf8")).toBe("mine");
    },
  );

  it("is for one of two who write at the same time", async () => {
    const dir = folder();
    const pairs = await Promise.all(Array.from({ length: 8 }, () => generateKey()));
    const all = await Promise.allSettled(pairs.map((pair) => writeKeyFiles(join(dir, "k"), pair)));
    const won = all.findIndex(({ status }) => status === "fulfilled");
    expect(all.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
    expect(readdirSync(dir).sort()).toEqual(["k", "k.pub"]);
    expect(readFileSync(join(dir, "k"), "utf8")).toBe(pairs[won]?.privateKey);
    expect(readFileSync(join(dir, "k.pub"), "utf8")).toBe(pairs[won]?.publicKey);
  });

  it("says when the folder is not there, and leaves nothing after an abort", async () => {
    const missing = writeKeyFiles(join(folder(), "no", "k.pem"), await generateKey());
    await expect(missing).rejects.toThrow(keyError("cannot be written (ENOENT)"));
    const dir = folder();
    const signal = AbortSignal.abort(new Error("enough"));
    const aborted = writeKeyFiles(join(dir, "k.pem"), await generateKey(), { signal });
    await expect(aborted).rejects.toThrow("enough");
    expect(readdirSync(dir)).toEqual([]);
  });
});

describe("readPrivateKey", () => {
  it.skipIf(process.platform === "win32").each([0o640, 0o604, 0o620])(
    "refuses mode %o",
    async (mode) => {
      const file = keyFile((await generateKey()).privateKey);
      chmodSync(file, mode);
      await expect(readPrivateKey(file)).rejects.toThrow(
        expect.objectContaining({ code: "CTXPACK_E_KEY_FILE", hint: `chmod 600 ${file}` }),
      );
    },
  );

  it("reads no folder, no huge file, and names what is not there", async () => {
    const dir = folder();
    mkdirSync(join(dir, "k"), { mode: 0o700 });
    await expect(readPrivateKey(join(dir, "k"))).rejects.toThrow(keyError("is not a key file"));
    const huge = keyFile(Buffer.alloc(70_000));
    await expect(readPrivateKey(huge)).rejects.toThrow(keyError("is not a key file"));
    await expect(readPrivateKey(join(dir, "none.pem"))).rejects.toMatchObject({
      code: "CTXPACK_E_PATH_NOT_FOUND",
    });
    const signal = AbortSignal.abort(new Error("enough"));
    await expect(readPrivateKey(huge, { signal })).rejects.toThrow("enough");
  });

  const sec1 = generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey;
  it.each([
    ["OPENSSH PRIVATE KEY", "ssh-keygen"],
    ["ENCRYPTED SIGSTORE PRIVATE KEY", "cosign's own format"],
    ["PUBLIC KEY", "the public half"],
    ["EC PRIVATE KEY", "openssl pkcs8"],
    ["CERTIFICATE", "ctxpack keygen"],
  ])("says what to do with a %s", async (label, hint) => {
    const body = sec1.export({ type: "sec1", format: "der" }).toString("base64");
    const file = keyFile(`-----BEGIN ${label}-----\n${body}\n-----END ${label}-----\n`);
    await expect(readPrivateKey(file)).rejects.toThrow(
      expect.objectContaining({ code: "CTXPACK_E_KEY_FILE", hint: expect.stringContaining(hint) }),
    );
  });

  it("says when a key is damaged, or no PEM at all", async () => {
    const { privateKey } = await generateKey();
    const damaged = keyFile(privateKey.replace(/\n.{8}/, "\nAAAAAAAA"));
    await expect(readPrivateKey(damaged)).rejects.toThrow(keyError("is damaged"));
    await expect(readPrivateKey(keyFile("hello"))).rejects.toThrow(keyError("not a private key"));
  });
});

describe("other kinds of keys are refused with what to use instead", () => {
  const p384 = generateKeyPairSync("ec", { namedCurve: "P-384" });
  const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const ed448 = generateKeyPairSync("ed448");
  it.each([
    ["secp384r1", p384],
    ["rsa", rsa],
    ["ed448", ed448],
  ])("%s", async (kind, { privateKey, publicKey }) => {
    const refused = expect.objectContaining({
      code: "CTXPACK_E_KEY_FILE",
      message: expect.stringContaining(`of kind ${kind}`),
      hint: expect.stringContaining("ECDSA P-256 or Ed25519"),
    });
    const file = keyFile(privateKey.export({ type: "pkcs8", format: "pem" }));
    await expect(readPrivateKey(file)).rejects.toThrow(refused);
    const pub = keyFile(publicKey.export({ type: "spki", format: "pem" }));
    await expect(readPublicKey(pub)).rejects.toThrow(refused);
    expect(() => keyId(publicKey)).toThrow(refused);
  });
});

describe("readPublicKey", () => {
  it("does not take the public half out of a private key", async () => {
    const file = keyFile((await generateKey()).privateKey);
    await expect(readPublicKey(file)).rejects.toThrow(
      expect.objectContaining({
        code: "CTXPACK_E_KEY_FILE",
        hint: expect.stringContaining("this is a private key"),
      }),
    );
  });

  it("says what a public key has to look like", async () => {
    const file = keyFile("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n");
    await expect(readPublicKey(file)).rejects.toThrow(keyError("is not a public key"));
  });
});

it("makes no key with a passphrase that is empty or too long, and none after an abort", async () => {
  await expect(generateKey({ passphrase: "" })).rejects.toThrow(keyError("of 0 bytes"));
  await expect(generateKey({ passphrase: "x".repeat(1024) })).rejects.toThrow(keyError("1024"));
  const signal = AbortSignal.abort(new Error("enough"));
  await expect(generateKey({ signal })).rejects.toThrow("enough");
});
