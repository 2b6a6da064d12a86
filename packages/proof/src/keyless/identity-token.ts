import { CtxPackError } from "@ctxpack/identity";
import { parseJson } from "@ctxpack/oci";
import { Fields } from "../bundle/fields.ts";

/** A longer one is none: the largest of GitHub's have 3 KB. */
const TOKEN_LIMIT = 16 << 10;

const place = { code: "CTXPACK_E_AUTH", path: "the identity token" } as const;

/** What we read of an OpenID Connect identity token; nothing in it is verified here, Fulcio does that. */
export interface IdentityToken {
  /** The token itself: in no error, log or file. */
  readonly raw: string;
  /** What has to be signed to show that the key is its holder's: the mail address where that is who it is, else the subject. */
  readonly challenge: string;
  readonly issuer: string;
}

/**
 * Reads a JSON Web Token (RFC 7519). That it has expired, or is for somebody else than `audience`, is said here, where one
 * can still tell the user what to do.
 *
 * @throws CtxPackError `CTXPACK_E_AUTH`; never with the token, or a piece of it.
 */
export function parseIdentityToken(raw: string, audience: string, now: Date): IdentityToken {
  const claims = new Fields(payloadOf(raw), place);
  const expires = Number(claims.int64("exp"));
  if (expires * 1000 <= now.getTime()) {
    throw refused(`has expired at ${new Date(expires * 1000).toISOString()}`);
  }
  const audiences = [claims.raw("aud")].flat();
  if (!audiences.includes(audience)) throw refused(`is not for the audience ${audience}`);
  const email = claims.text("email");
  const challenge = email === "" ? claims.text("sub") : email;
  if (challenge === "") throw refused("names nobody: it has neither email nor sub");
  if (email !== "" && !isVerified(claims)) {
    throw refused("has a mail address that its issuer did not verify");
  }
  return { raw, challenge, issuer: claims.text("iss") };
}

function payloadOf(raw: string): unknown {
  const [, payload, signature, ...more] = raw.split(".");
  const wellFormed = /^[\w.-]+$/.test(raw) && raw.length <= TOKEN_LIMIT;
  if (!wellFormed || payload === undefined || signature === undefined || more.length > 0) {
    throw refused("is not a JSON Web Token");
  }
  try {
    return parseJson(Buffer.from(payload, "base64url"), { code: place.code, where: place.path });
  } catch {
    // Not as the cause: a parser's error quotes what it stumbled over.
    throw refused("has a payload that is not JSON");
  }
}

/** Some issuers write booleans as strings. */
function isVerified(claims: Fields): boolean {
  return [true, "true"].includes(claims.raw("email_verified") as boolean | string);
}

function refused(what: string): CtxPackError {
  return new CtxPackError(place.code, `${place.path} ${what}`, {
    hint: "get a new one for the audience sigstore",
  });
}
