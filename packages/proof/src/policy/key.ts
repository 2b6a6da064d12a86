import type { KeyObject } from "node:crypto";
import { CtxPackError, pointerOf } from "@ctxpack/identity";
import type { Problem } from "@ctxpack/identity/schema";
import { parsePublicKey } from "../keys/read.ts";
import type { WrittenSigner } from "./written.ts";

/**
 * The public key that a policy spells out: PEM, or the base64 inside it on one line.
 *
 * @throws CtxPackError `CTXPACK_E_KEY_FILE`.
 */
export function inlinePublicKey(text: string, what: string): KeyObject {
  if (text.includes("-----BEGIN")) return parsePublicKey(text, what);
  const lines = text.replaceAll(/\s+/g, "").match(/.{1,64}/g) ?? [];
  const pem = ["-----BEGIN PUBLIC KEY-----", ...lines, "-----END PUBLIC KEY-----", ""].join("\n");
  return parsePublicKey(pem, what);
}

/** What is wrong with the keys that a policy spells out. */
export function inlineKeyProblems(signers: Readonly<Record<string, WrittenSigner>>): Problem[] {
  return Object.entries(signers).flatMap(([name, { publicKey }]) => {
    if (publicKey === undefined) return [];
    try {
      inlinePublicKey(publicKey, "this");
      return [];
    } catch (error) {
      if (!CtxPackError.isInstance(error)) throw error;
      const pointer = pointerOf(["signers", name, "publicKey"]);
      return [{ pointer, message: error.message, hint: error.hint }];
    }
  });
}
