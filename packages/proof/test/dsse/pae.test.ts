import { sha256 } from "@ctxpack/identity";
import { preAuthEncoding, STATEMENT_MEDIA_TYPE } from "@ctxpack/proof";
import { expect, it } from "vitest";

it("is what the specification of DSSE says for its example", () => {
  const encoded = preAuthEncoding("http://example.com/HelloWorld", Buffer.from("hello world"));
  expect(encoded.toString()).toBe("DSSEv1 29 http://example.com/HelloWorld 11 hello world");
  expect(sha256(encoded)).toBe(
    "sha256:217751fac2c4f14edb2c9297fbc34abcb016ba88e74757e875ec4ac16fb6b6a1",
  );
});

it("counts bytes, not characters", () => {
  expect(preAuthEncoding("tü", Buffer.from("äöü")).toString()).toBe("DSSEv1 3 tü 6 äöü");
  const statement = preAuthEncoding(STATEMENT_MEDIA_TYPE, Buffer.from("{}"));
  expect(statement.toString()).toBe("DSSEv1 28 application/vnd.in-toto+json 2 {}");
});
