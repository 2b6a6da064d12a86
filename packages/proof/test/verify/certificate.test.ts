import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { missingProgram, scratchFolder } from "@ctxpack/test-tools";
import { describe, expect, it, onTestFinished } from "vitest";
import { leafCertificate } from "../../src/verify/certificate.ts";
import {
  type CertificateExtension,
  certificateIdentity,
} from "../../src/verify/certificate-identity.ts";
import { startAuthorities } from "./authorities.ts";

const refused = (message: string) =>
  expect.objectContaining({
    code: "CTXPACK_E_PROOF_CERTIFICATE",
    message: expect.stringContaining(message),
  });

describe.skipIf(missingProgram("openssl"))("leafCertificate", () => {
  /** A certificate made by openssl: `key` as for -newkey, extensions as for -addext. */
  function makeCertificate(key: readonly string[], ...extensions: readonly string[]): Buffer {
    const scratch = scratchFolder();
    onTestFinished(() => scratch[Symbol.dispose]());
    const config = join(scratch.path, "config");
    writeFileSync(config, "[req]\ndistinguished_name=dn\n[dn]\n");
    const file = join(scratch.path, "certificate.der");
    const { status, stderr } = spawnSync("openssl", [
      ...["req", "-x509", "-config", config, "-subj", "/CN=test", "-nodes", "-days", "1"],
      ...["-newkey", ...key, "-keyout", join(scratch.path, "k.pem")],
      ...["-outform", "DER", "-out", file],
      ...extensions.flatMap((extension) => ["-addext", extension]),
    ]);
    if (status !== 0) throw new Error(stderr.toString());
    return readFileSync(file);
  }

  const P256 = ["ec", "-pkeyopt", "ec_paramgen_curve:P-256"];
  const LEAF = "basicConstraints=critical,CA:FALSE";
  const CODE_SIGNING = "extendedKeyUsage=codeSigning";

  it.each([[P256], [["ed25519"]]])("takes %j for signing code", (key) => {
    const der = makeCertificate(key, LEAF, CODE_SIGNING);
    expect(leafCertificate([der]).raw).toEqual(der);
    expect(leafCertificate([makeCertificate(key, LEAF)]).ca).toBe(false);
  });

  it.each<[string, readonly string[], readonly string[]]>([
    ["is one of an authority", P256, ["basicConstraints=critical,CA:TRUE"]],
    ["is not for signing code", P256, [LEAF, "extendedKeyUsage=serverAuth"]],
    [
      "neither ECDSA P-256 nor Ed25519 (secp384r1)",
      ["ec", "-pkeyopt", "ec_paramgen_curve:P-384"],
      [LEAF, CODE_SIGNING],
    ],
    ["neither ECDSA P-256 nor Ed25519 (rsa)", ["rsa:2048"], [LEAF, CODE_SIGNING]],
  ])("refuses one that %s", (message, key, extensions) => {
    expect(() => leafCertificate([makeCertificate(key, ...extensions)])).toThrow(refused(message));
  });

  it("refuses a chain that brings its own root, and takes intermediates", async () => {
    const { certificateSigner, rootJson } = await startAuthorities();
    const { leaf } = await certificateSigner();
    const { leaf: other } = await certificateSigner();
    const [ca] = rootJson.certificateAuthorities;
    const root = Buffer.from(ca.certChain.certificates[0].rawBytes, "base64");
    expect(leafCertificate([leaf, other]).raw).toEqual(leaf);
    expect(() => leafCertificate([leaf, root])).toThrow(refused("comes with a root certificate"));
    expect(() => leafCertificate([leaf, Buffer.from("x")])).toThrow(
      refused("is not an X.509 certificate"),
    );
  });
});

describe("certificateIdentity", () => {
  const der = (tag: number, ...contents: readonly (Buffer | string)[]): Buffer => {
    const all = Buffer.concat(contents.map((part) => Buffer.from(part as Buffer)));
    const length = all.length < 0x80 ? [all.length] : [0x81, all.length];
    return Buffer.concat([Buffer.of(tag, ...length), all]);
  };
  const fulcio = (number: number, value: Buffer | string): CertificateExtension => [
    `1.3.6.1.4.1.57264.1.${number}`,
    Buffer.from(value as Buffer),
  ];
  const names = (...list: readonly Buffer[]): CertificateExtension => [
    "2.5.29.17",
    der(0x30, ...list),
  ];
  const issuer = fulcio(8, der(0x0c, "https://issuer.example"));
  const mail = names(der(0x81, "a@example.com"));
  const userName = (type: Buffer, value: Buffer) => names(der(0xa0, type, value));
  const USER_NAME = der(0x06, Buffer.from("2b0601040183bf300107", "hex"));

  it.each<[string, CertificateExtension, string]>([
    ["a mail address", mail, "a@example.com"],
    ["a URI", names(der(0x86, "https://example.com/x")), "https://example.com/x"],
    ["a user name", userName(USER_NAME, der(0xa0, der(0x0c, "jö!example.com"))), "jö!example.com"],
  ])("reads %s", (_, san, identity) => {
    expect(certificateIdentity([issuer, san])).toEqual({
      identity,
      issuer: "https://issuer.example",
      extensions: { "1.3.6.1.4.1.57264.1.8": "https://issuer.example" },
    });
  });

  it("decodes Fulcio's extensions by their number, and leaves out what is no text", () => {
    const long = "x".repeat(200);
    const { extensions } = certificateIdentity([
      issuer,
      mail,
      fulcio(2, "push"),
      fulcio(3, Buffer.of(0xff)),
      fulcio(11, der(0x0c, long)),
      fulcio(15, "123456"),
      fulcio(16, der(0x13, "printable")),
      fulcio(17, Buffer.concat([der(0x0c, "1"), der(0x0c, "2")])),
      fulcio(18, der(0x0c, Buffer.of(0xff))),
      fulcio(19, Buffer.of(0x0c, 0x84, 0, 0, 0, 1, 0x41)),
      fulcio(20, Buffer.of(0x0c)),
      fulcio(21, Buffer.of(0x1f, 1, 0)),
      fulcio(22, Buffer.of(0x0c, 5, 0x41)),
      ["1.2.3", Buffer.from("other")],
    ]);
    expect(extensions).toEqual({
      "1.3.6.1.4.1.57264.1.2": "push",
      "1.3.6.1.4.1.57264.1.8": "https://issuer.example",
      "1.3.6.1.4.1.57264.1.11": long,
    });
  });

  it("takes the older issuer extension only where there is no newer one", () => {
    const old = fulcio(1, "https://old.example");
    expect(certificateIdentity([old, mail]).issuer).toBe("https://old.example");
    expect(certificateIdentity([old, issuer, mail]).issuer).toBe("https://issuer.example");
    const unreadable = fulcio(8, "https://bare.example");
    expect(() => certificateIdentity([old, unreadable, mail])).toThrow(refused("no OIDC issuer"));
    expect(() => certificateIdentity([mail])).toThrow(refused("no OIDC issuer"));
  });

  it.each<[string, CertificateExtension[]]>([
    [
      "has the extension 1.2.3 twice",
      [
        ["1.2.3", Buffer.of(1)],
        ["1.2.3", Buffer.of(1)],
      ],
    ],
    ["exactly one subject alternative name", []],
    ["exactly one subject alternative name", [names()]],
    [
      "exactly one subject alternative name",
      [names(der(0x86, "https://a.example"), der(0x86, "https://b.example"))],
    ],
    ["exactly one subject alternative name", [["2.5.29.17", Buffer.of(0x30, 9)]]],
    ["that cannot be read", [names(der(0x82, "dns.example"))]],
    // 0xe1 is `a` in what takes the high bit away.
    ["that cannot be read", [names(der(0x81, Buffer.of(0xe1, 0x40, 0x61)))]],
    ["that cannot be read", [names(der(0x86, "https://a.example/\n"))]],
    ["that cannot be read", [names(der(0x86, ""))]],
    ["that cannot be read", [userName(der(0x06, "xyz"), der(0xa0, der(0x0c, "a")))]],
    ["that cannot be read", [userName(USER_NAME, der(0x0c, "a"))]],
    ["that cannot be read", [userName(USER_NAME, der(0xa0, der(0x13, "a")))]],
    ["that cannot be read", [names(der(0xa0, Buffer.of(1)))]],
  ])("refuses a certificate that %s %#", (message, extensions) => {
    expect(() => certificateIdentity([issuer, ...extensions])).toThrow(refused(message));
  });
});
