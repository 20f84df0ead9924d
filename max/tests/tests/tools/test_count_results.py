"""The sum of JUnit results that .ci/run ends with."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools.ci.count_results import count, main, result_files

MIXED = """<testsuites><testsuite>
<testcase classname="a" name="test_good"/>
<testcase classname="a" name="test_bad"><failure message="no"/></testcase>
<testcase classname="a" name="test_broken"><error message="no"/></testcase>
<testcase classname="a" name="test_skipped"><skipped message="no GPU"/></testcase>
</testsuite></testsuites>"""
GOOD = '<testsuites><testsuite><testcase classname="b" name="test_x"/></testsuite></testsuites>'


def write_results(folder: Path, text: str) -> None:
    folder.mkdir(parents=True)
    (folder / "test.xml").write_text(text)


def test_passed_failed_and_skipped_cases_are_told_apart(tmp_path: Path) -> None:
    write_results(tmp_path / "one", MIXED)
    write_results(tmp_path / "two" / "shard_1_of_2", GOOD)
    counts = count(result_files(tmp_path))
    assert counts.passed == 2
    assert counts.skipped == 1
    assert counts.failed == ["a::test_bad", "a::test_broken"]


def test_results_behind_a_link_are_counted(tmp_path: Path) -> None:
    write_results(tmp_path / "real" / "one", GOOD)
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "link").symlink_to(tmp_path / "real")
    assert count(result_files(tmp_path / "logs")).passed == 1


@pytest.mark.parametrize(
    ("texts", "code", "last"),
    [
        ([GOOD], 0, "1 passed, 0 failed"),
        ([GOOD, MIXED], 1, "2 passed, 2 failed"),
        ([GOOD, "<testsuites"], 1, "1 passed, 1 failed"),
        ([], 1, "0 passed, 0 failed"),
    ],
)
def test_the_last_line_and_the_exit_code_tell_the_truth(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    texts: list[str],
    code: int,
    last: str,
) -> None:
    for number, text in enumerate(texts):
        write_results(tmp_path / str(number), text)
    assert main([str(tmp_path)]) == code
    assert capsys.readouterr().out.splitlines()[-1] == last
