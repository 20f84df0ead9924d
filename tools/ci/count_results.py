"""Adds up the JUnit results of a test run: `python3 tools/ci/count_results.py FOLDER`.

Prints each failed test and, as the last line, `N passed, N failed`. The exit code is 0 only when
tests passed and none failed. Standard library only: it runs before any package is there.
"""

from __future__ import annotations

import os
import sys
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path


@dataclass
class Counts:
    """Results of test cases."""

    passed: int = 0
    skipped: int = 0
    failed: list[str] = field(default_factory=list)


def result_files(folder: Path) -> Iterator[Path]:
    """Yields the test.xml files below a folder, which may hold links (bazel-testlogs is one)."""
    for parent, folders, files in os.walk(folder, followlinks=True):
        folders.sort()
        if "test.xml" in files:
            yield Path(parent, "test.xml")


def count(files: Iterator[Path]) -> Counts:
    """Adds up results; a file that is no JUnit XML counts as a failed test."""
    counts = Counts()
    for path in files:
        try:
            tree = ElementTree.parse(path)
        except ElementTree.ParseError as error:
            counts.failed.append(f"{path}: {error}")
            continue
        for case in tree.iter("testcase"):
            if case.find("failure") is not None or case.find("error") is not None:
                counts.failed.append(f"{case.get('classname')}::{case.get('name')}")
            elif case.find("skipped") is not None:
                counts.skipped += 1
            else:
                counts.passed += 1
    return counts


def main(argv: list[str]) -> int:
    """Prints the sum and returns the exit code."""
    counts = count(result_files(Path(argv[0])))
    for name in counts.failed:
        print(f"FAILED {name}")
    if counts.skipped:
        print(f"{counts.skipped} skipped")
    if not counts.passed and not counts.failed:
        print(f"no results in {argv[0]}: did the tests run?")
    print(f"{counts.passed} passed, {len(counts.failed)} failed")
    return 0 if counts.passed and not counts.failed else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
