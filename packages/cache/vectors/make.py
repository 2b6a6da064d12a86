#!/usr/bin/env python3
"""The pack format of DESIGN 5.1, written again from its text, with the standard library only.

    python3 make.py > packs.json            the golden vectors
    python3 make.py --check < trees.json    the same for trees from standard input

Shares no code with src/pack; the tests compare the two. Slow on purpose: h takes in every byte.
"""
import base64, hashlib, json, struct, sys

GEAR = [struct.unpack(">I", hashlib.sha256(b"ctxpack.gear/v1" + bytes([i])).digest()[:4])[0] for i in range(256)]
SPECIFIC = {"manifest": "application/vnd.oci.image.manifest.v1+json", "pack": "application/vnd.ctxpack.pack.v1"}


def content(spec):
    if "text" in spec:
        return spec["text"].encode()
    if "base64" in spec:
        return base64.b64decode(spec["base64"])
    if "repeat" in spec:
        unit = spec["repeat"].encode()
        return (unit * (spec["size"] // len(unit) + 1))[: spec["size"]]
    out = b"".join(
        hashlib.sha256(spec["random"].encode() + struct.pack(">I", i)).digest() for i in range(spec["size"] // 32 + 1)
    )
    return out[: spec["size"]]


def octal(value, width):
    return b"%0*o\0" % (width - 1, value)


def ustar(name, mode, size, flag, link=b""):
    head = name[:100].ljust(100, b"\0") + octal(mode, 8) + octal(0, 8) + octal(0, 8) + octal(size, 12) + octal(0, 12)
    tail = flag + link[:100].ljust(100, b"\0") + b"ustar\x0000" + bytes(64) + octal(0, 8) + octal(0, 8) + bytes(167)
    total = sum(head) + 8 * 32 + sum(tail)
    return head + b"%06o\0 " % total + tail


def record(key, value):
    body = b" " + key + b"=" + value + b"\n"
    length = len(body)
    while len(b"%d" % length) + len(body) != length:
        length = len(b"%d" % length) + len(body)
    return b"%d" % length + body


def padded(data):
    return data + bytes(-len(data) % 512)


def header(entry, size):
    path, link = entry["path"].encode(), entry.get("link", "").encode()
    records = b""
    if len(path) > 100 or max(path) > 127:
        records += record(b"path", path)
    if len(link) > 100 or (link and max(link) > 127):
        records += record(b"linkpath", link)
    if size >= 8 * 2**30:
        records += record(b"size", b"%d" % size)
    flag, mode = (b"2", 0o644) if link else (b"5", 0o755) if "dir" in entry else (b"0", 0o755 if entry.get("exec") else 0o644)
    pax = ustar(b"pax", 0o644, len(records), b"x") + padded(records) if records else b""
    return pax + ustar(path, mode, 0 if size >= 8 * 2**30 else size, flag, link)


def cuts(tar, bigs, n, e):
    """Ends of the segments. bigs: (offset, size) of the files."""
    avg = 2**e
    forced = set()
    for offset, size in bigs:
        if size >= 4 * avg:
            forced |= {offset, offset + size + -size % 512}
    ends, length, h = [], 0, 0
    for at, byte in enumerate(tar, 1):
        h = ((h << 1) + GEAR[byte]) & 0xFFFFFFFF
        length += 1
        bits = e + 2 if length < avg else e - 2
        found = length >= avg // 2 and h >> (32 - bits) == 0
        if found or length == 2 * avg or at in forced or at == len(tar):
            ends.append(at)
            length = 0
    return ends


def segments(tar, bigs, profile):
    n = 4000 if profile else 400
    e = 18
    while n * 2**e < len(tar) and e < 26:
        e += 1
    while True:
        ends = cuts(tar, bigs, n, e)
        if len(ends) <= n - 1 or e == 26:
            break
        e += 1
    starts = [0] + ends[:-1]
    return [
        {"digest": "sha256:" + hashlib.sha256(tar[a:b]).hexdigest(), "offset": a, "size": b - a} for a, b in zip(starts, ends)
    ]


def canonical(value):
    return json.dumps(value, separators=(",", ":"), sort_keys=True, ensure_ascii=False).encode()


def pack(tree):
    tar, entries, bare, bigs = b"", [], [], []
    for entry in sorted(tree["entries"], key=lambda e: e["path"].encode()):
        data = content(entry["content"]) if "content" in entry else b""
        tar += header(entry, len(data))
        if "content" not in entry:
            row = {k: entry[k] for k in ("link", "dir", "path") if k in entry}
            entries.append(row), bare.append(row)
            continue
        row = {"path": entry["path"], "size": len(data), "digest": "sha256:" + hashlib.sha256(data).hexdigest()}
        if entry.get("exec"):
            row["exec"] = True
        bare.append(dict(row))
        row["offset"] = len(tar)
        if "key" in entry:
            row["key"] = entry["key"]
        entries.append(row)
        bigs.append((len(tar), len(data)))
        tar += padded(data)
    tar += bytes(1024)
    digest = "sha256:" + hashlib.sha256(canonical(bare)).hexdigest()
    parts = segments(tar, bigs, tree.get("profile"))
    index = {"entries": entries, "schema": "ctxpack.index/v1", "segments": parts, "tree": digest}
    if tree.get("profile"):
        index["profile"] = tree["profile"]
    files = [e for e in entries if "size" in e]
    # Stands in for frames, whose bytes depend on zstd: the blob of every part is the part itself.
    blob = lambda data, kind, title: {
        "annotations": {"org.opencontainers.image.title": title},
        "digest": "sha256:" + hashlib.sha256(data).hexdigest(),
        "mediaType": "application/vnd.ctxpack." + kind,
        "size": len(data),
    }
    raw = lambda s: tar[s["offset"] : s["offset"] + s["size"]]
    layers = [blob(canonical(index), "index.v1+json+zstd", "index.json.zst")]
    layers += [blob(raw(s), "segment.v1.tar+zstd", "%04d.tar.zst" % i) for i, s in enumerate(parts, 1)]
    config = {"digest": "sha256:" + "0" * 64, "mediaType": "application/vnd.ctxpack.contract.v1+json", "size": 2}
    annotations = {"dev.ctxpack.tree": digest, "dev.ctxpack.files": str(len(files)), "dev.ctxpack.bytes": str(sum(e["size"] for e in files))}
    manifest = {"schemaVersion": 2, "mediaType": SPECIFIC["manifest"], "artifactType": SPECIFIC["pack"], "config": config, "layers": layers, "annotations": annotations}
    sha = lambda data: "sha256:" + hashlib.sha256(data).hexdigest()
    return {"tree": digest, "tarSize": len(tar), "tar": sha(tar), "index": canonical(index).decode(), "manifest": sha(canonical(manifest))}


F = lambda path, **kw: {"path": path, "content": kw.pop("content", {"text": path}), **kw}
TREES = [
    {"name": "no entries", "entries": []},
    {"name": "one empty file", "entries": [F("empty", content={"text": ""})]},
    {"name": "modes, links, folders", "entries": [F("bin/run", exec=True), F("data.txt"), {"path": "current", "link": "bin"}, {"path": "latest", "link": "./bin//run"}, {"path": "up/there", "link": "../data.txt"}, {"path": "void", "dir": True}]},
    {"name": "names that need pax", "entries": [F("n" * 100), F("n" * 99 + "é"), F("m" * 101), F("a/" * 50 + "b"), F("é"), {"path": "l", "link": "é"}, {"path": "long", "link": "./" * 80 + "é"}, {"path": "d" * 120, "dir": True}]},
    {"name": "pax records whose length gains a digit", "entries": [F("p" * n) for n in (101, 102, 111, 112, 113, 200)] + [F("/".join(["q" * 199] * 5)[:n]) for n in range(985, 993)]},
    {"name": "order is of bytes, not of UTF-16", "entries": [F("a-b"), F("a/b"), F("a.b"), F("\U0001f600"), F("\ufb01"), F("\\\"\b\t\x7f\u2028")]},
    {"name": "sizes around a block", "entries": [F("f%04d" % n, content={"random": "f", "size": n}) for n in (1, 511, 512, 513, 1023, 1024, 1025)]},
    {"name": "cuts that content asks for", "entries": [F("t%d" % i, content={"random": "t%d" % i, "size": 150_000}) for i in range(12)]},
    {"name": "a cut before the average, which more bits have to ask for", "entries": [F("f", content={"random": "early3", "size": 300_000})]},
    {"name": "cuts at the greatest length", "entries": [F("z", content={"repeat": "\0", "size": 1_000_000})]},
    {"name": "a file with segments of its own", "entries": [F("a"), F("big", content={"random": "big", "size": 1_048_576}), F("c"), F("largest that is not", content={"random": "n", "size": 1_048_575})]},
    {"name": "two big files side by side", "entries": [F("x", content={"random": "x", "size": 1_048_577}), F("y", content={"random": "y", "size": 1_100_000})]},
    {"name": "fine profile", "profile": "fine", "entries": [F("x", content={"random": "fine", "size": 700_000})]},
    {"name": "map keys", "entries": [F("out/1.txt", key="ab" * 32), F("out/2.txt", key="cd" * 32, exec=True)]},
]

if __name__ == "__main__":
    if "--check" in sys.argv:
        json.dump([pack(tree) for tree in json.load(sys.stdin)], sys.stdout)
    else:
        json.dump([{**tree, "expect": pack(tree)} for tree in TREES], sys.stdout, ensure_ascii=True, indent=1)
        print()
