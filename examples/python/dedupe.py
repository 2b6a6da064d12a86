"""Stage 2, paragraphs without those that nearly repeat another:  python3 dedupe.py <paragraphs.jsonl> <output folder> <similarity>

Two paragraphs are alike when they share enough of their runs of three words (Jaccard); the first one stays.
"""

import json
import re
import sys
from collections import Counter
from pathlib import Path


def shingles(text: str) -> frozenset[tuple[str, ...]]:
    words = re.findall(r"\w+", text.lower())
    return frozenset(tuple(words[at : at + 3]) for at in range(max(1, len(words) - 2)))


def main(paragraphs: str, out: str, similarity: str) -> None:
    kept: list[frozenset] = []
    holders: dict[tuple[str, ...], list[int]] = {}
    Path(out).mkdir(exist_ok=True)
    with (
        open(paragraphs, encoding="utf-8") as lines,
        open(Path(out, "kept.jsonl"), "w", encoding="utf-8") as kept_file,
        open(Path(out, "dropped.jsonl"), "w", encoding="utf-8") as dropped_file,
    ):
        for line in lines:
            own = shingles(json.loads(line)["text"])
            # Only those that share something are compared.
            shared = Counter(other for one in own for other in holders.get(one, []))
            if any(n / len(own | kept[other]) >= float(similarity) for other, n in shared.items()):
                dropped_file.write(line)
                continue
            for one in own:
                holders.setdefault(one, []).append(len(kept))
            kept.append(own)
            kept_file.write(line)


if __name__ == "__main__":
    main(*sys.argv[1:])
