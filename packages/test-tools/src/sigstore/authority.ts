import { generateKeyPairSync, type KeyPairKeyObjectResult } from "node:crypto";
import {
  fulcioHandler,
  initializeCA,
  initializeCTLog,
  initializeTSA,
  tsaHandler,
} from "@sigstore/mock";
import type { Answer, Answering } from "./faults.ts";

/** What Fulcio does instead of what it should. */
export type FulcioMood = "well" | "expired" | "foreignSct" | "otherKey";

export interface MoodyFulcio {
  mood: FulcioMood;
  readonly answer: Answering;
  readonly root: Uint8Array;
  /** SPKI of the certificate log. */
  readonly certificateLogKey: Uint8Array;
}

const HOUR_MS = 3_600_000;

/** Fulcio, and the certificate log that it writes to. */
export async function fulcio(): Promise<MoodyFulcio> {
  const keys = newKeys();
  const log = await initializeCTLog(newKeys());
  const root = await initializeCA(keys, log);
  const handlers = {
    well: fulcioHandler(root, { subjectClaim: "san" }),
    // The same key and name: only what is wrong is different.
    expired: fulcioHandler(await initializeCA(keys, log, new Date(Date.now() - HOUR_MS)), {
      subjectClaim: "san",
    }),
    foreignSct: fulcioHandler(await initializeCA(keys, await initializeCTLog(newKeys())), {
      subjectClaim: "san",
    }),
  };
  const made: MoodyFulcio = {
    mood: "well",
    root: bytesOf(root.rootCertificate),
    certificateLogKey: log.publicKey,
    async answer({ body }) {
      const { mood } = made;
      if (mood === "otherKey") return answerOf(await handlers.well.fn(withOtherKey(body)));
      return answerOf(await handlers[mood].fn(body));
    },
  };
  return made;
}

function withOtherKey(body: string): string {
  const asked = JSON.parse(body);
  asked.publicKeyRequest.publicKey.content = newKeys().publicKey.export({
    type: "spki",
    format: "pem",
  });
  return JSON.stringify(asked);
}

export interface MoodyTsa {
  /** Its clock is an hour ahead. */
  ahead: boolean;
  readonly answer: Answering;
  readonly chain: readonly Uint8Array[];
}

/** A timestamping authority. */
export async function tsa(): Promise<MoodyTsa> {
  const keys = newKeys();
  const clock = new Date();
  const authority = await initializeTSA(keys, clock);
  const made: MoodyTsa = {
    ahead: false,
    chain: [bytesOf(authority.intCertificate), bytesOf(authority.rootCertificate)],
    async answer({ body }) {
      // Whole seconds, as sigstore's: its library reads fractions of exactly three digits, and DER has no zeros at the end.
      const now = Date.now() + (made.ahead ? HOUR_MS : 0);
      clock.setTime(now - (now % 1000));
      return answerOf(await tsaHandler(authority).fn(body));
    },
  };
  return made;
}

export function newKeys(): KeyPairKeyObjectResult {
  return generateKeyPairSync("ec", { namedCurve: "P-256" });
}

interface HandlerAnswer {
  readonly statusCode: number;
  readonly response: string | ArrayBufferView<ArrayBuffer>;
  readonly contentType?: string;
}

function answerOf({ statusCode, response, contentType }: HandlerAnswer): Answer {
  const body = typeof response === "string" ? response : bytesOf(response);
  return { status: statusCode, body, headers: { "content-type": contentType ?? "text/plain" } };
}

function bytesOf(view: ArrayBufferView): Uint8Array {
  return new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
}
