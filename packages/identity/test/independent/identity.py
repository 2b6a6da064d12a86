#!/usr/bin/env python3
"""An independent implementation of the contract identity, written from the specification alone.

    python3 identity.py [--v0] contract.json     -> {"uri": ..., "canonical": ...}
    python3 identity.py --batch < requests       -> one JSON answer a line

A request is {"contract": file, "env": {..}, "packs": {uri: [[path, digest], ..]}, "v0": bool}; an answer
is {"uri", "canonical"} or {"error"}. Standard library only; YAML contracts are given as their JSON twin.
"""
import hashlib, json, math, os, re, stat, sys, unicodedata
from decimal import Decimal
from pathlib import Path


class Refused(Exception):
    """What the specification calls an error."""


def need(condition, message):
    if not condition:
        raise Refused(message)


# ---- canonical JSON (RFC 8785) ------------------------------------------------------------------


def number(value):
    """ECMAScript's Number::toString, from Python's repr (both give the shortest digits that read back)."""
    if isinstance(value, int):
        return str(value)
    if value == 0:
        return "0"
    sign, digits, exponent = Decimal(repr(value)).as_tuple()
    text = "".join(map(str, digits))
    point = len(text) + exponent  # value = 0.TEXT x 10^point
    text = text.rstrip("0")
    if len(text) <= point <= 21:
        out = text + "0" * (point - len(text))
    elif 0 < point <= 21:
        out = text[:point] + "." + text[point:]
    elif -6 < point <= 0:
        out = "0." + "0" * -point + text
    else:
        e = point - 1
        out = text[0] + ("." + text[1:] if len(text) > 1 else "") + "e" + ("+" if e > 0 else "-") + str(abs(e))
    return ("-" if sign else "") + out


SHORT = {'"': '\\"', "\\": "\\\\", "\b": "\\b", "\t": "\\t", "\n": "\\n", "\f": "\\f", "\r": "\\r"}


def string(value):
    need(not re.search("[\ud800-\udfff]", value), "lone surrogate")
    return '"' + "".join(SHORT.get(c) or (f"\\u{ord(c):04x}" if c < " " else c) for c in value) + '"'


def canonical(value):
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, (int, float)):
        return number(value)
    if isinstance(value, str):
        return string(value)
    if isinstance(value, list):
        return "[" + ",".join(map(canonical, value)) + "]"
    for key in value:
        need(not re.search("[\ud800-\udfff]", key), "lone surrogate")
    keys = sorted(value, key=lambda k: k.encode("utf-16-be"))
    return "{" + ",".join(string(k) + ":" + canonical(value[k]) for k in keys) + "}"


# ---- reading a contract -------------------------------------------------------------------------


def integer(literal):
    need(abs(int(literal)) <= 2**53 - 1, f"integer {literal} is out of range")
    return int(literal)


def spelled(literal):
    """In a resolved contract an integer may be the spelling of a larger double (1e17 is written out)."""
    if abs(int(literal)) <= 2**53 - 1:
        return int(literal)
    need(number(float(literal)) == literal, f"{literal} is not how a double is written")
    return float(literal)


def floating(literal):
    value = float(literal)
    need(not math.isinf(value), f"{literal} overflows")
    need(value != 0 or not re.search("[1-9]", re.split("[eE]", literal)[0]), f"{literal} becomes 0")
    return value


def once(pairs):
    need(len(dict(pairs)) == len(pairs), "duplicate key")
    return dict(pairs)


def constant(literal):
    raise Refused(f"{literal} is not JSON")


def known(obj, *keys):
    need(isinstance(obj, dict), "an object is expected")
    for key in obj:
        need(key in keys, f"unknown key {key}")


def text(value):
    need(isinstance(value, str) and value != "", "a non-empty string is expected")
    return value


# ---- patterns -----------------------------------------------------------------------------------


class Pattern:
    def __init__(self, written):
        need(not re.search(r"[\[\]{}!\\]", text(written)), f"pattern {written}")
        parts = written.split("/")
        need(not any(p in ("", ".", "..") for p in parts), f"pattern {written}")
        self.parts = [None if p == "**" else re.compile(self.segment(p), re.S) for p in parts]
        self.used = False

    @staticmethod
    def segment(part):
        return "".join({"*": "[^/]*", "?": "[^/]"}.get(c, re.escape(c)) for c in part)

    def run(self, path, prefix):
        """Whole match of `path`, or with `prefix`: can anything below the folder `path` match?"""
        def step(parts, names):
            if not names:
                return bool(parts) if prefix else all(p is None for p in parts)
            if not parts:
                return False
            if parts[0] is None:
                return step(parts[1:], names) or step(parts, names[1:])
            return bool(parts[0].fullmatch(names[0])) and step(parts[1:], names[1:])
        return step(self.parts, path.split("/"))


# Paths below a folder that only wildcards match: who matches these matches everything there.
ANYTHING = ["/" + "\0" * 300, ("/" + "\0" * 300) * 9]


class Selection:
    def __init__(self, include, exclude):
        self.include = [Pattern(p) for p in include or ["**"]]
        self.exclude = [Pattern(p) for p in exclude]
        self.written = bool(include)

    def selects(self, path):
        hits = [p for p in self.include if p.run(path, False)]
        if not hits or any(p.run(path, False) for p in self.exclude):
            return False
        for p in hits:
            p.used = True
        return True

    def enters(self, path):
        swallowed = any(all(p.run(path + below, False) for below in ANYTHING) for p in self.exclude)
        return not swallowed and any(p.run(path, True) for p in self.include)

    def done(self):
        need(not self.written or all(p.used for p in self.include), "a pattern matches no file")


# ---- trees --------------------------------------------------------------------------------------


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def dir_hash(rows):
    """rows: (path, hex); what in-toto calls dirHash1."""
    lines = sorted((path.encode(), digest) for path, digest in rows)
    return "dirHash1:" + sha256(b"".join(d.encode() + b"  " + p + b"\n" for p, d in lines))


def walk(root, selection):
    """Yields what counts; nothing else is looked at, so it cannot be an error either."""
    top = os.path.realpath(os.fsencode(root))

    def folder(real, at, above):
        need(real not in above, f"a link closes a cycle at {at}")
        seen = set()
        for raw in os.listdir(real):
            name = unicodedata.normalize("NFC", raw.decode("utf-8", "replace"))
            path, target = at + name, os.path.realpath(os.path.join(real, raw))
            try:
                mode = os.stat(target).st_mode
            except OSError:
                mode = None
            enter = stat.S_ISDIR(mode or 0)
            if not (selection.enters(path) if enter else selection.selects(path)):
                continue
            need(mode is not None, f"{path} dangles")
            need(target == top or target.startswith(top + b"/"), f"{path} leads outside")
            if not enter and not stat.S_ISREG(mode):
                continue
            need(raw.decode("utf-8", "replace").encode() == raw, f"{raw!r} is not UTF-8")
            need("\n" not in name, f"newline in {path!r}")
            need(name not in seen, f"two names equal after NFC: {path}")
            seen.add(name)
            if enter:
                yield from folder(target, path + "/", above + [real])
            else:
                with open(target, "rb") as file:
                    yield path, sha256(file.read())

    return list(folder(top, "", []))


def tree_digest(root, include, exclude):
    # A pattern is "used" by the files it matches only, so selects() is asked again for the files found.
    rows = walk(root, Selection(include, exclude))
    return rows_digest(rows, include, exclude)


def rows_digest(rows, include, exclude):
    selection = Selection(include, exclude)
    rows = [row for row in rows if selection.selects(row[0])]
    selection.done()
    return dir_hash(rows)


# ---- resolving ----------------------------------------------------------------------------------

DIGEST = re.compile(r"(sha256|dirHash1):[0-9a-f]{64}")
NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}")


def resolve_input(given, base, packs):
    known(given, "name", "path", "pack", "value", "digest", "include", "exclude")
    need(NAME.fullmatch(text(given.get("name"))), "input name")
    name, include, exclude = given["name"], given.get("include", []), given.get("exclude", [])
    kinds = {k for k in ("path", "pack", "value", "digest") if k in given}
    need(len(kinds) == 1 or kinds == {"pack", "digest"}, "exactly one of path, pack, value, digest")
    if "value" in given:
        return {"name": name, "value": given["value"]}
    if "digest" in given:
        need(DIGEST.fullmatch(text(given["digest"])), "digest")
        return {"name": name, "digest": given["digest"]}
    if "pack" in given:
        need(given["pack"] in packs, "pack not found")
        rows = [(path, digest.removeprefix("sha256:")) for path, digest in packs[given["pack"]]]
        return {"name": name, "digest": rows_digest(rows, include, exclude)}
    path = os.path.join(base, text(given["path"]))
    need(os.path.exists(path), f"{path} does not exist")
    if os.path.isdir(path):
        return {"name": name, "digest": tree_digest(path, include, exclude)}
    need(not include and not exclude, "include/exclude on a file")
    return {"name": name, "digest": "sha256:" + sha256(Path(path).read_bytes())}


def resolve_transform(given, base, env):
    known(given, "tool", "tool_version", "model", "code", "code_hash", "env", "params")
    out = {"tool": text(given.get("tool"))}
    for key in ("tool_version", "model"):
        if key in given:
            out[key] = text(given[key])
    need(not ("code" in given and "code_hash" in given), "code and code_hash")
    if "code_hash" in given:
        need(re.fullmatch(r"\w+:[ -~]{1,256}", given["code_hash"]), "code_hash")
        out["code_hash"] = given["code_hash"]
    if given.get("code"):
        out["code_hash"] = tree_digest(base, given["code"], [])
    if given.get("env"):
        out["env"] = {text(n): "sha256:" + sha256(env[n].encode()) if n in env else None for n in given["env"]}
    if given.get("params"):
        out["params"] = given["params"]
    return out


def resolve(file, env, packs):
    raw = Path(file).read_bytes().decode("utf-8")
    strict = {"parse_float": floating, "parse_constant": constant, "object_pairs_hook": once}
    if "schema" in json.loads(raw):  # a resolved contract resolves to itself
        resolved = json.loads(raw, parse_int=spelled, **strict)
        return canonical({**resolved, "inputs": sorted(resolved["inputs"], key=lambda i: i["name"])})
    contract = json.loads(raw, parse_int=integer, **strict)
    known(contract, "$schema", "name", "inputs", "command", "transforms", "outputs", "pass_env", "metadata")
    base = os.path.dirname(os.path.abspath(file))
    inputs = [resolve_input(i, base, packs) for i in contract.get("inputs", [])]
    need(len({i["name"] for i in inputs}) == len(inputs), "input names are not unique")
    need(contract.get("transforms"), "at least one transform")
    out = {
        "schema": "ctxpack.contract/v1",
        "inputs": sorted(inputs, key=lambda i: i["name"]),
        "transforms": [resolve_transform(t, base, env) for t in contract["transforms"]],
    }
    if "command" in contract:
        need(contract["command"], "command is empty")
        out["command"] = [text(c) for c in contract["command"]]
    return canonical(out)


def resolve_v0(file):
    contract = json.loads(Path(file).read_bytes())
    contract.pop("outputs", None)
    for given in contract.get("inputs", []):
        if "path" in given:
            root, digest = Path(file).parent / given.pop("path"), hashlib.sha256()
            for path in sorted(root.rglob("*")):
                if path.is_file():
                    digest.update(str(path.relative_to(root)).encode())
                    digest.update(path.read_bytes())
            given["digest"] = digest.hexdigest()
    return json.dumps(contract, sort_keys=True)


def answer(request):
    try:
        if request.get("v0"):
            text_ = resolve_v0(request["contract"])
        else:
            text_ = resolve(request["contract"], request.get("env", {}), request.get("packs", {}))
        return {"uri": "ctx://sha256:" + sha256(text_.encode()), "canonical": text_}
    except (Refused, UnicodeError, json.JSONDecodeError) as error:
        return {"error": str(error)}


def main(arguments):
    if arguments == ["--batch"]:
        for line in sys.stdin:
            print(json.dumps(answer(json.loads(line))), flush=True)
        return 0
    files = [a for a in arguments if a != "--v0"]
    result = answer({"contract": files[0], "env": dict(os.environ), "v0": "--v0" in arguments})
    print(json.dumps(result, ensure_ascii=False))
    return 2 if "error" in result else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
