"""Templates of archives, rendered by us and by transformers."""

from __future__ import annotations

import io
import tarfile
import zipfile
from pathlib import Path

from tools.compatibility.conversations import CONVERSATIONS
from tools.compatibility.packages import texts_of
from tools.compatibility.templates import compare

PLAIN = "{% for m in messages %}<{{ m.role }}>{{ m.content }}{% endfor %}"
REFUSES = "{{ raise_exception('no') }}"
# transformers shows nothing of a text that the template wants in parts.
OF_PARTS = "{% for m in messages %}{% for p in m.content %}{{ p.text }}{% endfor %}{% endfor %}"


def test_what_comes_out_the_same() -> None:
    counts, notable = compare([("plain", PLAIN)])
    assert dict(counts) == {"same": len(CONVERSATIONS)}
    assert notable == []


def test_what_does_not() -> None:
    counts, notable = compare([("refuses", REFUSES), ("of parts", OF_PARTS)])
    assert counts["both refuse"] == len(CONVERSATIONS)
    assert counts["different"] == len(notable) > 0
    assert ("of parts", "one question", "different") in notable


def test_texts_of_wheels_and_of_sources(tmp_path: Path) -> None:
    wheel, source = tmp_path / "a.whl", tmp_path / "a.tar.gz"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("a/x.jinja", "hi")
        archive.writestr("a/x.py", "")
    with tarfile.open(source, "w:gz") as archive_of_source:
        member = tarfile.TarInfo("a/x.jinja")
        member.size = 2
        archive_of_source.addfile(member, io.BytesIO(b"hi"))
    assert list(texts_of(wheel, ".jinja")) == list(texts_of(source, ".jinja"))
    assert list(texts_of(wheel, ".jinja")) == [("a/x.jinja", "hi")]
