#!/usr/bin/env python3
"""Checks that comments and prose are at most 100 columns wide.

It looks at comments that have a line of their own in Rust and at prose in Markdown. A table, a code
block and a line that is one word, such as a link, may be wider.

    scripts/width.py
"""

import pathlib
import subprocess
import sys

WIDTH = 100
ROOT = pathlib.Path(__file__).resolve().parent.parent


def wide_lines(path: pathlib.Path):
    """The numbers of the lines that are too wide."""
    in_code = False
    for number, line in enumerate(path.read_text().splitlines(), 1):
        text = line.strip()
        if path.suffix == ".rs":
            prose = text.startswith("//") and not text.lstrip("/! ").startswith("|")
        else:
            in_code ^= text.startswith("```")
            prose = not in_code and not text.startswith("|")
        if prose and len(line) > WIDTH and len(text.split()) > 2:
            yield number


def main() -> int:
    listed = subprocess.run(["git", "ls-files", "*.rs", "*.md"], cwd=ROOT, capture_output=True, text=True, check=True)
    files = [file for file in listed.stdout.split() if (ROOT / file).exists()]  # one may be deleted but not yet committed
    wide = [f"{file}:{number}" for file in files for number in wide_lines(ROOT / file)]
    print("\n".join([*wide, f"{len(wide)} lines are wider than {WIDTH} columns"]))
    return 1 if wide else 0


if __name__ == "__main__":
    sys.exit(main())
