import * as fc from "fast-check";
import { expect, it } from "vitest";
import { parseChallenges } from "../../src/auth/challenge.ts";

function read(...values: string[]): [string, Record<string, string>][] {
  return parseChallenges(values).map(({ scheme, parameters }) => [
    scheme,
    Object.fromEntries(parameters),
  ]);
}

it.each<[string, [string, Record<string, string>][]]>([
  [
    'Bearer realm="https://auth.example/token",service="reg",scope="repository:a/b:pull,push"',
    [
      [
        "bearer",
        { realm: "https://auth.example/token", service: "reg", scope: "repository:a/b:pull,push" },
      ],
    ],
  ],
  ['BEARER Realm="x"', [["bearer", { realm: "x" }]]],
  ['Basic realm="a, b"', [["basic", { realm: "a, b" }]]],
  [
    String.raw`Basic realm="say \"hi\" \\ there"`,
    [["basic", { realm: String.raw`say "hi" \ there` }]],
  ],
  [
    'Basic realm="x", Bearer realm="y",service=z',
    [
      ["basic", { realm: "x" }],
      ["bearer", { realm: "y", service: "z" }],
    ],
  ],
  [
    'Negotiate, Basic realm="x"',
    [
      ["negotiate", {}],
      ["basic", { realm: "x" }],
    ],
  ],
  [
    'NTLM TlRMTVNTUAAB==, Basic realm="x"',
    [
      ["ntlm", {}],
      ["basic", { realm: "x" }],
    ],
  ],
  ['Bearer realm = "x" , service = "y"', [["bearer", { realm: "x", service: "y" }]]],
  ["Basic", [["basic", {}]]],
  ["", []],
  [" , ,", []],
  // What comes after something malformed is not believed.
  ['Bearer realm="x", service="unclosed', [["bearer", { realm: "x" }]]],
  ['Bearer realm="x" junk="y"', [["bearer", { realm: "x" }]]],
  ['=x, Bearer realm="y"', []],
  // A second realm is somebody's addition.
  ['Bearer realm="x",realm="y"', [["bearer", { realm: "x" }]]],
])("%s", (value, expected) => {
  expect(read(value)).toEqual(expected);
});

it("reads several headers", () => {
  expect(read('Basic realm="x"', 'Bearer realm="y"').map(([scheme]) => scheme)).toEqual([
    "basic",
    "bearer",
  ]);
});

const token = fc.stringMatching(/^[A-Za-z][A-Za-z0-9._-]{0,12}$/);
const quotable = fc.string({ maxLength: 30 }).map((text) => text.replace(/[\r\n]/g, " "));

it("reads back whatever was written as the RFC says", () => {
  const challenge = fc.record({
    scheme: token,
    parameters: fc.uniqueArray(fc.tuple(token, quotable), {
      minLength: 1,
      maxLength: 4,
      selector: ([name]) => name.toLowerCase(),
    }),
  });
  void fc.assert(
    fc.property(fc.array(challenge, { minLength: 1, maxLength: 3 }), (challenges) => {
      const text = challenges
        .map(({ scheme, parameters }) => {
          const list = parameters.map(
            ([name, value]) => `${name}="${value.replace(/(["\\])/g, "\\$1")}"`,
          );
          return `${scheme} ${list.join(", ")}`;
        })
        .join(", ");
      expect(read(text)).toEqual(
        challenges.map(({ scheme, parameters }) => [
          scheme.toLowerCase(),
          Object.fromEntries(parameters.map(([name, value]) => [name.toLowerCase(), value])),
        ]),
      );
    }),
  );
});

it("never throws and never hangs", () => {
  void fc.assert(
    fc.property(fc.string({ maxLength: 2000 }), (text) => void parseChallenges([text])),
  );
  const hostile = [
    `Bearer ${'realm="'.repeat(20_000)}`,
    `Bearer ${"a,".repeat(50_000)}`,
    '"'.repeat(1e6),
  ];
  for (const text of hostile) parseChallenges([text]);
});
