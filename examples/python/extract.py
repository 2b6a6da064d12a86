"""Stage 1, web pages to paragraphs:  python3 extract.py <folder of pages> <paragraphs.jsonl>"""

import json
import sys
from html.parser import HTMLParser
from pathlib import Path


class Paragraphs(HTMLParser):
    """What is in the `p` and `li` of a page, as it is read: markup gone, white space made one."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self._open = False

    def handle_starttag(self, tag: str, attrs: list) -> None:
        if tag in ("p", "li"):
            self.found.append("")
            self._open = True

    def handle_endtag(self, tag: str) -> None:
        if tag in ("p", "li"):
            self._open = False

    def handle_data(self, data: str) -> None:
        if self._open:
            self.found[-1] += data


def main(pages: str, out: str) -> None:
    with open(out, "w", encoding="utf-8") as file:
        for page in sorted(Path(pages).rglob("*.html")):
            parser = Paragraphs()
            parser.feed(page.read_text(encoding="utf-8"))
            parser.close()
            for text in (" ".join(one.split()) for one in parser.found):
                if text:
                    record = {"page": page.relative_to(pages).as_posix(), "text": text}
                    file.write(json.dumps(record, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
