import { execFile } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { scratchFolder } from "./workplace.ts";

const run = promisify(execFile);

/** A certificate and its key, as PEM texts. */
export interface KeyPair {
  readonly cert: string;
  readonly key: string;
}

export interface Certificates {
  /** The CA's certificate, PEM. */
  readonly ca: string;
  /** For 127.0.0.1 and localhost. */
  readonly server: KeyPair;
  readonly client: KeyPair;
}

/** A new CA with a server's and a client's certificate, good for a day. Needs openssl. */
export async function makeCertificates(): Promise<Certificates> {
  using folder = scratchFolder();
  const openssl = async (...args: string[]): Promise<void> => {
    await run("openssl", args, { cwd: folder.path });
  };
  const read = async (name: string): Promise<string> =>
    await readFile(join(folder.path, name), "utf8");
  const newKey = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  const authority = ["-subj", "/CN=ctxpack-test-ca", "-days", "1", "-keyout", "ca.key"];
  await openssl("req", "-x509", ...newKey, ...authority, "-out", "ca.crt");
  const issue = async (name: string, extensions: string): Promise<KeyPair> => {
    await writeFile(join(folder.path, `${name}.ext`), extensions);
    const subject = ["-subj", `/CN=ctxpack-test-${name}`, "-keyout", `${name}.key`];
    await openssl("req", ...newKey, ...subject, "-out", `${name}.csr`);
    const signer = ["-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial", "-days", "1"];
    const files = ["-in", `${name}.csr`, "-extfile", `${name}.ext`, "-out", `${name}.crt`];
    await openssl("x509", "-req", ...signer, ...files);
    return { cert: await read(`${name}.crt`), key: await read(`${name}.key`) };
  };
  const server = await issue(
    "server",
    "subjectAltName=IP:127.0.0.1,DNS:localhost\nextendedKeyUsage=serverAuth\n",
  );
  const client = await issue("client", "extendedKeyUsage=clientAuth\n");
  return { ca: await read("ca.crt"), server, client };
}

/** A self-signed certificate with the key that signs tokens (ES256). Needs openssl. */
export async function makeTokenKey(subject: string): Promise<KeyPair> {
  using folder = scratchFolder();
  const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  const files = ["-keyout", "token.key", "-out", "token.crt"];
  const args = ["req", "-x509", ...key, "-subj", `/CN=${subject}`, "-days", "1", ...files];
  await run("openssl", args, { cwd: folder.path });
  return {
    cert: await readFile(join(folder.path, "token.crt"), "utf8"),
    key: await readFile(join(folder.path, "token.key"), "utf8"),
  };
}
