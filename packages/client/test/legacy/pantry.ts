import { mkdirSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { type CtxUri, legacyBytes, sha256, uriOf } from "@ctxpack/identity";
import { describeBytes, OciLayout, pushBytes } from "@ctxpack/oci";

/** One member as a tar of the prototype or of an enemy has it. */
export interface TarMember {
  readonly name: string | Uint8Array;
  readonly content?: string | Uint8Array;
  /** Default `0`, a file. */
  readonly type?: string;
  readonly link?: string;
  readonly mode?: number;
  /** When it lies. */
  readonly size?: number;
}

/** The published contract of the prototype, as its author typed it, and its URI. */
export const CONTRACT =
  '{"dataset":"SEC_10K_CORPUS_2025","model":"text-embedding-3-large","tool":"vision-ocr","tool_version":"2.1","params":{"chunk_size":512,"strategy":"semantic","dpi":300}}';
export const URI: CtxUri =
  "ctx://sha256:32f300048d8dd5a2c88f24d45a3d849503fda3507de626cd3b080e445edf3855";
export const TAG = "32f300048d8d";

/** The `manifest.json` of a pack. */
export function description(
  contract = CONTRACT,
  uri = uriOf(sha256(legacyBytes(contract))),
): string {
  return `{"uri": "${uri}", "contract": ${contract}, "provenance": {"host": "mac", "seconds": 12.5}}`;
}

/** One block-padded tar member. */
export function member(m: TarMember): Buffer {
  const content = Buffer.from(m.content ?? "");
  const header = Buffer.alloc(512);
  header.set(Buffer.from(m.name).subarray(0, 100), 0);
  header.write(`${(m.mode ?? 0o644).toString(8).padStart(7, "0")}\0`, 100);
  header.write("0000000\x000000000\0", 108);
  header.write(`${(m.size ?? content.length).toString(8).padStart(11, "0")}\0`, 124);
  header.write("00000000000\0        ", 136);
  header.write(m.type ?? "0", 156);
  header.write(m.link ?? "", 157);
  header.write("ustar\x0000", 257);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
  return Buffer.concat([header, content, Buffer.alloc((512 - (content.length % 512)) % 512)]);
}

/** A pax header with these records. */
export function pax(records: Readonly<Record<string, string>>, type = "x"): Buffer {
  const lines = Object.entries(records).map(([key, value]) => {
    const rest = ` ${key}=${value}\n`;
    const bytes = Buffer.byteLength(rest);
    let length = bytes + 1;
    while (String(length).length + bytes !== length) length++;
    return `${length}${rest}`;
  });
  return member({ name: "pax", type, content: lines.join("") });
}

export const END: Buffer = Buffer.alloc(1024);

/** A tar with `manifest.json` first, these members, and the end mark. */
export function tarOf(...members: readonly (TarMember | Buffer)[]): Buffer {
  const described = member({ name: "manifest.json", content: description() });
  const blocks = members.map((each) => (Buffer.isBuffer(each) ? each : member(each)));
  return Buffer.concat([described, ...blocks, END]);
}

/** What a pushed pack is made of, where it is not what the prototype wrote. */
export interface Oddities {
  readonly tag?: string;
  readonly docker?: boolean;
  readonly config?: string;
  readonly layers?: readonly Uint8Array[];
  readonly members?: Readonly<Record<string, unknown>>;
}

/** Pushes a v0 pack the way the prototype did. */
export async function pushLegacy(dir: string, layer: Uint8Array, o: Oddities = {}): Promise<void> {
  mkdirSync(dir, { recursive: true });
  const layout = await OciLayout.open(dir, { create: true });
  const [manifestType, configType, layerType] = o.docker
    ? [
        "application/vnd.docker.distribution.manifest.v2+json",
        "application/vnd.docker.container.image.v1+json",
        "application/vnd.docker.image.rootfs.diff.tar.gzip",
      ]
    : [
        "application/vnd.oci.image.manifest.v1+json",
        "application/vnd.oci.image.config.v1+json",
        "application/vnd.oci.image.layer.v1.tar+gzip",
      ];
  const config = await pushBytes(layout, configType as string, Buffer.from(o.config ?? "{}"));
  const layers = [];
  for (const each of o.layers ?? [layer]) {
    layers.push(await pushBytes(layout, layerType as string, each));
  }
  const manifest = { schemaVersion: 2, mediaType: manifestType, config, layers, ...o.members };
  const bytes = Buffer.from(JSON.stringify(manifest));
  const descriptor = describeBytes(manifestType as string, bytes);
  await pushBytes(layout, manifestType as string, bytes);
  await layout.tag(descriptor, o.tag ?? TAG);
}

/** A pack as it should be: folders, an executable, links of both kinds, names that need pax headers. */
export function goodTar(): Buffer {
  return tarOf(
    { name: "text/", type: "5", mode: 0o755 },
    { name: "text/a.txt", content: "alpha\n" },
    { name: "text/empty/", type: "5", mode: 0o755 },
    { name: "run.sh", content: "#!/bin/sh\n", mode: 0o755 },
    { name: "latest", type: "2", link: "text/a.txt" },
    { name: "again.txt", type: "1", link: "text/a.txt" },
    Buffer.concat([
      pax({ path: "grüße/straße.txt", mtime: "1700000000.5" }),
      member({ name: "gr??e", content: "grüße\n" }),
    ]),
  );
}

export function goodLayer(): Buffer {
  return gzipSync(goodTar());
}
