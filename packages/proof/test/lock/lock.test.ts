import {
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import type { CtxUri, Digest } from "@ctxpack/identity";
import {
  checkPin,
  formatLock,
  LOCK_SCHEMA_URI,
  type Lock,
  type LockedPack,
  parseLock,
  pinOf,
  readLock,
  updateLock,
  withoutPin,
  withPin,
  writeLock,
} from "@ctxpack/proof";
import { scratchFolder } from "@ctxpack/test-tools";
import fc from "fast-check";
import { describe, expect, it, onTestFinished } from "vitest";
import {
  believing,
  bundle,
  GITHUB,
  judge,
  KEYS,
  MANIFEST,
  policy,
  URI,
  WORKFLOW,
  workflow,
} from "../policy/fixture.ts";

const digest = (letter: string): Digest => `sha256:${letter.repeat(64)}`;
const empty: Lock = { file: "ctxpack.lock", packs: new Map() };
const pin: LockedPack = {
  manifest: MANIFEST,
  bundles: [digest("1"), digest("2")],
  signers: [{ keyId: KEYS.alice.keyId }, { identity: WORKFLOW, issuer: "https://id.example" }],
  policies: [digest("3")],
  time: new Date("2026-11-20T10:00:00.000Z"),
};

function folder(): string {
  const place = scratchFolder();
  onTestFinished(() => place[Symbol.dispose]());
  return place.path;
}

it("is written one fact a line, sorted", () => {
  expect(formatLock(withPin(empty, URI, pin)).split("\n")).toEqual([
    "{",
    `  "$schema": "${LOCK_SCHEMA_URI}",`,
    '  "schema": "ctxpack.lock/v1",',
    '  "packs": {',
    `    "${URI}": {`,
    `      "manifest": "${MANIFEST}",`,
    '      "bundles": [',
    `        "${digest("1")}",`,
    `        "${digest("2")}"`,
    "      ],",
    '      "signers": [',
    "        {",
    `          "identity": "${WORKFLOW}",`,
    '          "issuer": "https://id.example"',
    "        },",
    "        {",
    `          "keyId": "${KEYS.alice.keyId}"`,
    "        }",
    "      ],",
    '      "policies": [',
    `        "${digest("3")}"`,
    "      ],",
    '      "time": "2026-11-20T10:00:00.000Z"',
    "    }",
    "  }",
    "}",
    "",
  ]);
});

const hex = fc.string({
  unit: fc.constantFrom(..."0123456789abcdef"),
  minLength: 64,
  maxLength: 64,
});
const digests = fc.array(
  hex.map((text): Digest => `sha256:${text}`),
  { maxLength: 4 },
);
const pins = fc.array(
  fc.tuple(
    hex.map((text): CtxUri => `ctx://sha256:${text}`),
    fc.record(
      {
        manifest: hex.map((text): Digest => `sha256:${text}`),
        bundles: digests,
        signers: fc.array(
          fc.oneof(
            fc.constant({ keyId: KEYS.alice.keyId }),
            fc.record({
              identity: fc.string({ minLength: 1, unit: "grapheme" }),
              issuer: fc.constant("https://id.example"),
            }),
          ),
          { maxLength: 3 },
        ),
        policies: digests,
        time: fc.date({ min: new Date(0), max: new Date("2100-01-01"), noInvalidDate: true }),
      },
      { requiredKeys: ["manifest", "bundles", "signers", "policies"] },
    ),
  ),
  { maxLength: 4 },
);

it("the same pins give the same bytes, whatever their order, and read back as they were", () => {
  fc.assert(
    fc.property(pins, (entries) => {
      const unique = [...new Map<CtxUri, LockedPack>(entries)];
      const text = formatLock({ ...empty, packs: new Map(unique) });
      expect(formatLock({ ...empty, packs: new Map(unique.toReversed()) })).toBe(text);
      const read = parseLock(text, "ctxpack.lock");
      expect([...read.packs.keys()].sort()).toEqual(unique.map(([uri]) => uri).sort());
      for (const [uri, one] of unique) {
        expect(read.packs.get(uri)?.manifest).toBe(one.manifest);
        expect(read.packs.get(uri)?.time).toEqual(one.time);
        expect(new Set(read.packs.get(uri)?.bundles)).toEqual(new Set(one.bundles));
      }
      expect(formatLock(read)).toBe(text);
    }),
  );
});

it("a pin can be taken out again", () => {
  const lock = withPin(empty, URI, pin);
  expect(withoutPin(lock, URI).packs.size).toBe(0);
  expect(lock.packs.size).toBe(1);
});

it("what is no lock file is refused at its place", () => {
  const text = formatLock(withPin(empty, URI, pin)).replace(MANIFEST, "sha256:short");
  expect(() => parseLock(text, "ctxpack.lock")).toThrow(
    expect.objectContaining({
      code: "CTXPACK_E_CONFIG",
      message: expect.stringMatching(
        /^ctxpack\.lock:6:19: \/packs\/.*\/manifest: expected sha256:/,
      ),
    }),
  );
});

describe("the file", () => {
  it("is written in one rename, through a link, and read back", async () => {
    const dir = folder();
    mkdirSync(join(dir, "real"));
    writeFileSync(join(dir, "real", "ctxpack.lock"), formatLock(empty));
    symlinkSync(join("real", "ctxpack.lock"), join(dir, "ctxpack.lock"));
    const file = join(dir, "ctxpack.lock");
    const lock = withPin(await readLock(file), URI, pin);
    await writeLock(lock);
    expect(lstatSync(file).isSymbolicLink()).toBe(true);
    expect(readFileSync(join(dir, "real", "ctxpack.lock"), "utf8")).toBe(formatLock(lock));
    expect(readdirSync(join(dir, "real"))).toEqual(["ctxpack.lock"]);
    expect((await readLock(file)).packs.get(URI)?.manifest).toBe(MANIFEST);
  });

  it("need not be there", async () => {
    const file = join(folder(), "ctxpack.lock");
    expect(await readLock(file)).toEqual({ file, packs: new Map() });
    await writeLock(withPin(await readLock(file), URI, pin));
    expect((await readLock(file)).packs.size).toBe(1);
  });

  it("that cannot be read or written says so", async () => {
    const dir = folder();
    mkdirSync(join(dir, "ctxpack.lock"));
    await expect(readLock(join(dir, "ctxpack.lock"))).rejects.toMatchObject({
      code: "CTXPACK_E_CONFIG",
      message: expect.stringMatching(/is not a regular file/),
    });
    await expect(writeLock({ ...empty, file: join(dir, "none", "l") })).rejects.toMatchObject({
      code: "CTXPACK_E_PATH_NOT_FOUND",
    });
    await expect(writeLock({ ...empty, file: join(dir, "ctxpack.lock") })).rejects.toMatchObject({
      code: "CTXPACK_E_USAGE",
    });
    // Nothing stays of what was not written.
    expect(readdirSync(dir)).toEqual(["ctxpack.lock"]);
  });

  it("keeps every pin when many write at once", async () => {
    const file = join(folder(), "ctxpack.lock");
    const uris = [..."0123456789abcdef"].map((letter): CtxUri => `ctx://${digest(letter)}`);
    await Promise.all(uris.map((uri) => updateLock(file, (lock) => withPin(lock, uri, pin))));
    expect([...(await readLock(file)).packs.keys()].sort()).toEqual(uris);
  });

  it("is not changed where it cannot be", async () => {
    const change = (lock: Lock) => withPin(lock, URI, pin);
    const missing = updateLock(join(folder(), "none", "ctxpack.lock"), change);
    await expect(missing).rejects.toMatchObject({ code: "CTXPACK_E_PATH_NOT_FOUND" });
    const file = join(folder(), "ctxpack.lock");
    const signal = AbortSignal.abort(new Error("enough"));
    await expect(updateLock(file, change, { signal })).rejects.toThrow("enough");
    expect((await readLock(file)).packs.size).toBe(0);
  });

  it("that is too long is not read", async () => {
    const file = join(folder(), "ctxpack.lock");
    writeFileSync(file, "");
    truncateSync(file, (8 << 20) + 1);
    await expect(readLock(file)).rejects.toMatchObject({ code: "CTXPACK_E_CONFIG" });
  });

  it("stays as it was when aborted", async () => {
    const file = join(folder(), "ctxpack.lock");
    const signal = AbortSignal.abort(new Error("enough"));
    await writeLock({ ...empty, file });
    await expect(writeLock(withPin({ ...empty, file }, URI, pin), { signal })).rejects.toThrow(
      "enough",
    );
    await expect(readLock(file, { signal })).rejects.toThrow("enough");
    expect((await readLock(file)).packs.size).toBe(0);
  });
});

describe("a pin", () => {
  const proofs = [bundle({ at: "2026-11-20T10:00:00Z" }), bundle({ by: "bob" })] as const;
  const rules = [{ require: [{ signers: ["alice", "bob"] }] }];
  const accepted = async () => judge(await policy({ rules }), proofs);
  const locked = async () => withPin(empty, URI, pinOf(await accepted()));

  it("holds what the pack was accepted by", async () => {
    expect(pinOf(await accepted())).toEqual({
      manifest: MANIFEST,
      bundles: proofs.map((one) => one.digest).sort(),
      signers: [{ keyId: KEYS.alice.keyId }, { keyId: KEYS.bob.keyId }],
      policies: [(await policy({ rules })).digest],
      time: new Date("2026-11-20T10:00:00Z"),
    });
    const ci = judge(await policy(believing()), [
      bundle({ by: workflow(), at: "2026-11-19T10:00:00Z", logEntries: 1 }),
    ]);
    expect(pinOf(ci).signers).toEqual([{ identity: WORKFLOW, issuer: GITHUB }]);
  });

  it("is met by the same, and by one proof more", async () => {
    const lock = await locked();
    expect(judge(await policy({ rules }), proofs, { lock }).accepted).toBe(true);
    expect(judge(await policy({ rules }), [...proofs, bundle()], { lock }).accepted).toBe(true);
  });

  it("says nothing of other packs", async () => {
    const found = { manifest: digest("9"), bundles: [], signers: [], policies: [] };
    expect(checkPin(await locked(), `ctx://${digest("f")}`, found)).toBeUndefined();
    const other = withPin(empty, `ctx://${digest("f")}`, pin);
    expect(judge(await policy({ rules }), proofs, { lock: other }).accepted).toBe(true);
  });

  it("is not met by another manifest", async () => {
    const lock = withPin(empty, URI, { ...pinOf(await accepted()), manifest: digest("9") });
    const found = judge(await policy({ rules }), proofs, { lock });
    expect(found.accepted).toBe(false);
    expect(found.failure).toMatchObject({
      code: "CTXPACK_E_PROOF_PIN",
      message: `the pack of ${URI} is not what ctxpack.lock pins: its manifest is ${MANIFEST}, not ${digest("9")}`,
    });
    expect(found.seen).toEqual([]);
  });

  it("is not met without a proof that was there", async () => {
    const found = judge(await policy({ rules }), [proofs[0]], { lock: await locked() });
    expect(found.failure?.message).toMatch(`the proof ${proofs[1].digest} is gone`);
  });

  it("is not met under another policy, or without one of them; one more is no harm", async () => {
    const lock = await locked();
    const edited = await policy({ rules, revoked: [] });
    const plain = await policy({ rules });
    expect(judge(edited, proofs, { lock }).failure?.message).toMatch(/other policies/);
    expect(judge([plain, edited], proofs, { lock }).failure).toBeUndefined();
    const found = { ...pin, policies: [] };
    expect(checkPin(withPin(empty, URI, pin), URI, found)?.code).toBe("CTXPACK_E_PROOF_PIN");
  });

  it("is not met by another signer", () => {
    const found = { ...pin, signers: [{ keyId: KEYS.bob.keyId }] };
    const lock = withPin(empty, URI, pin);
    expect(checkPin(lock, URI, found)?.message).toMatch(/the key SHA256:.* does not sign it/);
    const keyOnly = { ...pin, signers: [{ keyId: KEYS.alice.keyId }] };
    expect(checkPin(lock, URI, keyOnly)?.message).toMatch(`${WORKFLOW} does not sign it`);
    expect(checkPin(lock, URI, pin)).toBeUndefined();
  });
});
