"""Tests of `max.pipelines.lib.tokenizer.template_process` and of the process's own side."""

from __future__ import annotations

import io
import os
import pickle
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from max.pipelines.lib.tokenizer.local_templates import LocalTemplates
from max.pipelines.lib.tokenizer.template_process import TemplateProcess, limited_templates
from max.pipelines.lib.tokenizer.template_worker import answer, read_message, write_message
from max.pipelines.lib.tokenizer.templates import TemplateRefusal

GREETING = "{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}"
HELLO = {"messages": [{"role": "user", "content": "Grüße 😀 \ud800"}]}
ENDLESS = "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}"
RECURSIVE = "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}"


@pytest.fixture(scope="module")
def process() -> Iterator[TemplateProcess]:
    process = TemplateProcess(seconds=5, most_bytes=1 << 20)
    yield process
    process.close()


def refusal(process: TemplateProcess, template: str, **variables: Any) -> str:
    with pytest.raises(TemplateRefusal) as caught:
        process.render(template, variables)
    return str(caught.value)


def test_text_and_forms_are_those_of_this_process(process: TemplateProcess) -> None:
    local = LocalTemplates()

    assert process.render(GREETING, HELLO) == local.render(GREETING, HELLO)
    assert process.forms_of(GREETING) == local.forms_of(GREETING)


def test_refusals_are_those_of_this_process(process: TemplateProcess) -> None:
    for template in ("{{ raise_exception('no') }}", "{{ 1 / 0 }}", "{{ x.y.z }}"):
        with pytest.raises(TemplateRefusal) as local:
            LocalTemplates().render(template, {})

        assert refusal(process, template) == str(local.value)


def test_templates_that_cannot_be_read(process: TemplateProcess) -> None:
    with pytest.raises(TemplateRefusal, match="syntax error in line 2"):
        process.forms_of("x\n{% if %}")
    with pytest.raises(TemplateRefusal, match="calls itself without end"):
        process.forms_of(RECURSIVE)


def test_template_without_an_end_is_ended_and_the_next_is_rendered() -> None:
    process = TemplateProcess(seconds=0.5)
    try:
        assert process.render(GREETING, HELLO)
        assert "more than 0.5 s" in refusal(process, ENDLESS)
        assert process.render(GREETING, HELLO)
    finally:
        process.close()


def test_busy_machine_refuses_no_template() -> None:
    process = TemplateProcess(seconds=0.5)
    try:
        process.render("x", {})
        with ThreadPoolExecutor(1) as threads:
            assert process._short.pid is not None
            os.kill(process._short.pid, signal.SIGSTOP)
            rendered = threads.submit(process.render, GREETING, HELLO)
            with pytest.raises(TimeoutError):
                rendered.result(timeout=0.8)
            os.kill(process._short.pid, signal.SIGCONT)
            assert rendered.result()
    finally:
        process.close()


def test_tokenizers_share_one_process() -> None:
    assert limited_templates() is limited_templates()


def test_others_do_not_wait_for_a_long_conversation() -> None:
    process = TemplateProcess(seconds=1)
    try:
        process.render(GREETING, HELLO)
        with ThreadPoolExecutor(1) as threads:
            ended = threads.submit(refusal, process, ENDLESS, text="a" * 100_000)
            while process._long.pid is None:
                assert not ended.done()

            assert process.render(GREETING, HELLO)

            assert not ended.done()
            assert "more than 1 s" in ended.result()
    finally:
        process.close()


def test_what_is_deeply_nested_is_refused(process: TemplateProcess) -> None:
    nested: list[Any] = []
    for _ in range(100_000):
        nested = [nested]
    assert "too deeply nested" in refusal(process, GREETING, messages=nested)


def test_large_texts_are_refused(process: TemplateProcess) -> None:
    assert "recursion" in refusal(process, RECURSIVE)
    assert "more than 1048576 bytes" in refusal(process, "{{ 'a' * 2000000 }}")
    assert "memory" in refusal(process, "{% set x = 'a' * 10 ** 10 %}")


def test_environment_is_not_passed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAX_SERVE_API_KEY", "secret")
    process = TemplateProcess()
    try:
        process.render("x", {})
        with open(f"/proc/{process._short.pid}/environ", "rb") as environment:
            assert b"secret" not in environment.read()
    finally:
        process.close()


def test_process_imports_nothing_that_it_does_not_need() -> None:
    script = (
        "import sys, max.pipelines.lib.tokenizer.template_worker as w;"
        "w.LocalTemplates().forms_of('x');"
        "print(sorted({'numpy', 'torch', 'pydantic', 'transformers'} & {*sys.modules}))"
    )
    read, write = os.pipe()
    pid = os.posix_spawn(
        sys.executable,
        [sys.executable, "-c", script],
        {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        file_actions=[(os.POSIX_SPAWN_DUP2, write, 1)],
    )
    os.close(write)
    with open(read, encoding="utf-8") as output:
        assert output.read() == "[]\n"
    os.waitpid(pid, 0)


def test_messages_have_their_length_before_them() -> None:
    stream = io.BytesIO()
    write_message(stream, b"abc")
    write_message(stream, b"")
    stream.seek(0)

    assert [read_message(stream) for _ in range(3)] == [b"abc", b"", None]
    assert read_message(io.BytesIO(b"\x00\x00\x00\x09abc")) is None


def test_answers_tell_what_they_are() -> None:
    assert answer(("render", "{{ x }}", {"x": 1}), 10) == b"T1"
    assert answer(("forms_of", "x", {}), 10).startswith(b"F[")
    assert answer(("render", "{{ raise_exception('n') }}", {}), 100).startswith(b"E")
    assert answer(("render", "abc", {}), 2).startswith(b"Emakes more than 2 bytes")


def test_who_is_not_heard_any_more_ends_quietly(child_environment: dict[str, str]) -> None:
    command = [sys.executable, "-m", "max.pipelines.lib.tokenizer.template_worker"]
    with subprocess.Popen(
        [*command, "5", "1000", str(1 << 30)],
        env=child_environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as worker:
        assert worker.stdin and worker.stdout and worker.stderr
        worker.stdout.close()
        write_message(worker.stdin, pickle.dumps(("render", "Hello", {})))
        assert worker.stderr.read() == b""
        assert worker.wait() == -signal.SIGPIPE
