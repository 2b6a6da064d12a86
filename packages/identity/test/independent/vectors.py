#!/usr/bin/env python3
"""Holds the published vectors against identity.py:  python3 vectors.py <folder of the vectors>

Prints {"checked": number, "skipped": [what], "wrong": [what]}. YAML texts are skipped: the standard library has no YAML.
"""
import json, os, sys, tempfile
from pathlib import Path

sys.dont_write_bytecode = True
import identity


def write(root, files, links):
    for path, text in files.items():
        target = Path(root, path)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(text.encode("utf-8"))
    for path, target in links.items():
        os.symlink(target, Path(root, path))


def answer(text, files=(), links=(), **request):
    """What identity.py says of `text` as a contract beside these files."""
    with tempfile.TemporaryDirectory() as root:
        write(root, dict(files), dict(links))
        contract = Path(root, "the contract.json")
        contract.write_bytes(text.encode("utf-8"))
        return identity.answer({"contract": str(contract), **request})


def canonical(vector):
    found = answer('{"transforms":[{"tool":"t","params":{"v":' + vector["json"] + "}}]}")
    expected = '{"inputs":[],"schema":"ctxpack.contract/v1","transforms":[{"params":{"v":'
    return found.get("canonical") == expected + vector["canonical"] + '},"tool":"t"}]}'


def dir_hash(vector):
    with tempfile.TemporaryDirectory() as root:
        write(root, vector["files"], vector.get("links", {}))
        rows = identity.walk(root, identity.Selection([], []))
    lines = "".join(f"{digest}  {path}\n" for path, digest in sorted(rows, key=lambda r: r[0].encode()))
    return lines == vector["lines"] and identity.dir_hash(rows) == vector["digest"]


def contract(vector, files, links):
    packs = {uri: [[row["path"], row["digest"]] for row in rows] for uri, rows in vector.get("packs", {}).items()}
    found = answer(vector["text"], files, links, env=vector.get("env", {}), packs=packs)
    return found == {"canonical": vector["canonical"], "uri": vector["uri"]}


def legacy(vector):
    found = answer(vector["text"], vector.get("files", {}), v0=True)
    return found == {"canonical": vector["json"], "uri": vector["uri"]}


def main(folder):
    load = lambda name: json.loads(Path(folder, name).read_text("utf-8"))
    contracts = load("contract.json")
    texts = [v for v in contracts["contracts"] if v["format"] == "json"]
    skipped = [v["what"] for v in contracts["contracts"] if v["format"] != "json"]
    checks = [(v, canonical(v)) for v in load("canonical.json")]
    checks += [(v, dir_hash(v)) for v in load("dirhash.json")]
    checks += [(v, contract(v, contracts["files"], contracts["links"])) for v in texts]
    checks += [(v, legacy(v)) for v in load("v0.json")]
    wrong = [v["what"] for v, right in checks if not right]
    print(json.dumps({"checked": len(checks), "skipped": skipped, "wrong": wrong}))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
