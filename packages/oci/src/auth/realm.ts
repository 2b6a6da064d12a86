import { BlockList, isIP } from "node:net";
import { CtxPackError } from "@ctxpack/identity";

/** Addresses that a stranger's server has no business to send us to with credentials. */
const PRIVATE = new BlockList();
for (const [net, prefix] of [
  ["0.0.0.0", 8],
  ["10.0.0.0", 8],
  ["100.64.0.0", 10],
  ["127.0.0.0", 8],
  ["169.254.0.0", 16],
  ["172.16.0.0", 12],
  ["192.168.0.0", 16],
] as const) {
  PRIVATE.addSubnet(net, prefix, "ipv4");
}
for (const [net, prefix] of [
  // With the addresses that hold one of IPv4 (RFC 4291 §2.5.5.1, deprecated).
  ["::", 96],
  ["fc00::", 7],
  ["fe80::", 10],
] as const) {
  PRIVATE.addSubnet(net, prefix, "ipv6");
}

/**
 * The token server a registry names, if credentials may be shown to it: https, or http beside a registry that is
 * itself without TLS; a private or loopback address only where the registry has it too, or the user trusts it.
 * Throws CTXPACK_E_AUTH.
 */
export function checkRealm(
  realm: string | undefined,
  origin: URL,
  trustedHosts: readonly string[] = [],
): URL {
  const url = realm === undefined ? null : URL.parse(realm);
  if (url === null) throw refuse(origin, "names no token server", undefined);
  const shown = `${url.protocol}//${url.host}`;
  const isSecure = url.protocol === "https:";
  if (!isSecure && !(url.protocol === "http:" && origin.protocol === "http:")) {
    throw refuse(origin, `names the token server ${shown}, without encryption`, shown);
  }
  const isTrusted =
    url.hostname === origin.hostname ||
    trustedHosts.some((host) => URL.parse(`${url.protocol}//${host}`)?.host === url.host);
  if (!isTrusted && isPrivate(url.hostname)) {
    throw refuse(origin, `names a token server at a private address, ${url.host}`, shown);
  }
  url.username = "";
  url.password = "";
  url.hash = "";
  return url;
}

function isPrivate(hostname: string): boolean {
  const name = hostname
    .replace(/^\[(.*)\]$/, "$1")
    // A name may end with the root's dot.
    .replace(/\.$/, "")
    .toLowerCase();
  if (name === "localhost" || name.endsWith(".localhost")) return true;
  const family = isIP(name);
  if (family === 0) return false;
  // IPv4 within IPv6: mapped (RFC 4291 §2.5.5.2), or through a translator (RFC 6052 §2.1).
  const mapped = /^(?:::ffff:|64:ff9b::)([0-9a-f]{1,4}):([0-9a-f]{1,4})$/.exec(name);
  if (mapped !== null) {
    const [high, low] = [
      Number.parseInt(mapped[1] as string, 16),
      Number.parseInt(mapped[2] as string, 16),
    ];
    return isPrivate(`${high >> 8}.${high & 255}.${low >> 8}.${low & 255}`);
  }
  return PRIVATE.check(name, family === 4 ? "ipv4" : "ipv6");
}

function refuse(origin: URL, what: string, realm: string | undefined): CtxPackError {
  return new CtxPackError(
    "CTXPACK_E_AUTH",
    `${origin.host} ${what}: no credentials are sent there`,
    {
      hint: 'if that is right, name its host in "trustedRealmHosts" of the registry\'s settings',
      details: { host: origin.host, ...(realm !== undefined && { realm }) },
    },
  );
}
