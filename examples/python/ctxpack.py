"""CtxPack from Python: its command line, called with --json. Nothing but the standard library; copy this file."""

import json
import os
import subprocess
import tempfile
from pathlib import Path


class CtxPackError(Exception):
    """What ctxpack said: `code` is stable (docs/reference/errors.md), `hint` says what to do next, if anything is known."""

    def __init__(self, error: dict, exit_code: int):
        super().__init__(error.get("message", f"ctxpack ended with exit code {exit_code}"))
        self.code = error.get("code")
        self.hint = error.get("hint")
        self.exit_code = exit_code


def call(command: str, *args: str) -> dict:
    """Runs one command; what it says to people, and what it runs says, goes to stderr."""
    done = subprocess.run(["ctxpack", command, "--json", *args], stdout=subprocess.PIPE, text=True)
    lines = done.stdout.splitlines()
    result = json.loads(lines[-1]) if lines else {}
    if done.returncode != 0:
        raise CtxPackError(result.get("error") or {}, done.returncode)
    return result


def uri_of(contract: dict | str) -> str:
    """The URI of a contract: a dictionary, or the name of a file."""
    with _ContractFile(contract) as file:
        return call("id", file)["uri"]


def run(contract: dict | str, push: bool = False) -> dict:
    """Gets the result of a contract or computes it; `uri`, `hit`, `outputs` and more are in what it returns."""
    with _ContractFile(contract) as file:
        return call("run", "--contract", file, *(["--push"] if push else []))


def pull(uri: str) -> Path:
    """The folder of a result, from the store or a pantry: read-only, and shared with everybody who uses the store."""
    return Path(call("pull", uri)["path"])


class _ContractFile:
    """A contract as a file. The paths in a dictionary count from the current folder, so its file lies there for a while."""

    def __init__(self, contract: dict | str):
        self._contract = contract

    def __enter__(self) -> str:
        if isinstance(self._contract, str):
            return self._contract
        # First the text: what is no JSON leaves no file behind.
        text = json.dumps(self._contract)
        handle, self._name = tempfile.mkstemp(prefix=".contract-", suffix=".json", dir=".")
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        return self._name

    def __exit__(self, *_: object) -> None:
        if not isinstance(self._contract, str):
            os.unlink(self._name)
