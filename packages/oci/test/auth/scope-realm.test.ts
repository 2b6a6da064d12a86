import { describe, expect, it } from "vitest";
import { checkRealm } from "../../src/auth/realm.ts";
import { cleanScopes, repositoryScope } from "../../src/auth/scope.ts";

describe("cleanScopes", () => {
  it.each<[string[], string[]]>([
    [[], []],
    [[""], []],
    [["repository:a:push,pull"], ["repository:a:pull,push"]],
    [["repository:a:pull", "repository:a:push"], ["repository:a:pull,push"]],
    [
      ["repository:b:pull", "repository:a:pull"],
      ["repository:a:pull", "repository:b:pull"],
    ],
    [["repository:a:pull", "repository:a:*"], ["repository:a:*"]],
    [["repository:a:"], []],
    [["repository:host:5000/a:pull"], ["repository:host:5000/a:pull"]],
    [["aws"], ["aws"]],
    [
      ["registry:catalog:*", "aws"],
      ["aws", "registry:catalog:*"],
    ],
  ])("%j", (scopes, expected) => {
    expect(cleanScopes(scopes)).toEqual(expected);
  });

  it("repositoryScope", () => {
    expect(repositoryScope("acme/packs", "push", "pull", "pull")).toBe(
      "repository:acme/packs:pull,push",
    );
  });
});

describe("checkRealm", () => {
  const https = new URL("https://reg.example");
  const http = new URL("http://reg.example:5000");
  const local = new URL("http://127.0.0.1:5000");

  it.each<[string, URL]>([
    ["https://auth.other.example/token", https],
    ["https://reg.example/token", https],
    ["http://auth.example/token", http],
    ["https://127.0.0.1:1/token", new URL("https://127.0.0.1:5000")],
    ["http://127.0.0.1:5001/token", local],
    ["https://93.184.216.34/token", https],
    ["https://[64:ff9b::5db8:d822]/token", https],
  ])("takes %s of %s", (realm, origin) => {
    expect(checkRealm(realm, origin).href).toBe(realm);
  });

  it.each<[string | undefined, URL]>([
    [undefined, https],
    ["", https],
    ["not a url", https],
    ["http://auth.example/token", https],
    ["file:///etc/passwd", https],
    ["ftp://auth.example/", https],
    ["http://169.254.169.254/latest", http],
    ["https://169.254.169.254/latest", https],
    ["https://127.0.0.1/token", https],
    ["https://[::1]/token", https],
    ["https://[::ffff:10.0.0.1]/token", https],
    ["https://[::ffff:7f00:1]/token", https],
    ["https://10.0.0.5/token", https],
    ["https://172.20.1.1/token", https],
    ["https://192.168.1.1/token", https],
    ["https://0.0.0.0/token", https],
    ["https://[fd00::1]/token", https],
    ["https://[fe80::1]/token", https],
    ["https://localhost/token", https],
    ["https://localhost./token", https],
    ["https://a.localhost./token", https],
    ["https://[::127.0.0.1]/token", https],
    ["https://[64:ff9b::7f00:1]/token", https],
    ["https://2130706433/token", https],
    ["https://0x7f.1/token", https],
  ])("refuses %s of %s", (realm, origin) => {
    expect(() => checkRealm(realm, origin)).toThrow(
      expect.objectContaining({ code: "CTXPACK_E_AUTH" }),
    );
  });

  it("takes a private one that the user trusts, by host and port", () => {
    expect(checkRealm("https://10.0.0.5:8443/t", https, ["10.0.0.5:8443"]).host).toBe(
      "10.0.0.5:8443",
    );
    expect(() => checkRealm("https://10.0.0.5:9999/t", https, ["10.0.0.5:8443"])).toThrow();
  });

  it("the user may write case and default port", () => {
    const trusted = checkRealm("https://sso.localhost/t", https, ["SSO.localhost:443"]);
    expect(trusted.host).toBe("sso.localhost");
  });

  it("drops a name and password in it", () => {
    expect(checkRealm("https://u:p@auth.example/t", https).href).toBe("https://auth.example/t");
  });
});
