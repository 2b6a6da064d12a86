"""Pages to paragraphs without near duplicates:  python3 pipeline.py <folder of pages> [similarity]"""

import sys

import ctxpack


def extraction(pages: str) -> dict:
    return {
        "name": "paragraphs",
        "inputs": [{"name": "pages", "path": pages}],
        "command": ["python3", "extract.py", "{in}", "{out}"],
        "transforms": [{"tool": "extract", "tool_version": "1", "code": ["extract.py"]}],
        "outputs": [{"path": "paragraphs/paragraphs.jsonl"}],
    }


def deduplication(paragraphs: str, similarity: str) -> dict:
    """What counts of the stage before is its output (`pack`), not how it came about."""
    command = ["python3", "dedupe.py", "{in}/paragraphs.jsonl", "{out}", similarity]
    return {
        "name": "deduplicated",
        "inputs": [{"name": "paragraphs", "pack": paragraphs}],
        "command": command,
        "transforms": [{"tool": "dedupe", "tool_version": "1", "code": ["dedupe.py"]}],
        "outputs": [{"path": "deduplicated"}],
    }


def main(pages: str, similarity: str = "0.8") -> None:
    extracted = ctxpack.run(extraction(pages), push=True)
    deduplicated = ctxpack.run(deduplication(extracted["uri"], similarity), push=True)
    for stage, result in (("extract", extracted), ("dedupe", deduplicated)):
        print(f"{stage}: {'hit in ' + result['source'] if result['hit'] else 'computed'}")
    folder = ctxpack.pull(deduplicated["uri"])
    kept = (folder / "kept.jsonl").read_text(encoding="utf-8").splitlines()
    dropped = (folder / "dropped.jsonl").read_text(encoding="utf-8").splitlines()
    print(f"{len(kept)} kept, {len(dropped)} dropped: {deduplicated['uri']}")


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except ctxpack.CtxPackError as error:
        print(error, error.code, error.hint or "", sep="\n", file=sys.stderr)
        sys.exit(error.exit_code)
