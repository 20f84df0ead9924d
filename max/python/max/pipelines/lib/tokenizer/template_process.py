"""Templates that are rendered in a process of their own, which can be ended."""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import pickle
import subprocess
import sys
import threading
from collections.abc import Mapping
from functools import cache
from typing import Any

from max.pipelines.lib.tokenizer.template_worker import read_message, write_message
from max.pipelines.lib.tokenizer.templates import TemplateForms, TemplateRefusal

# A template is rendered in a millisecond or a few.
MOST_SECONDS = 5.0
MOST_BYTES = 64 * 1024 * 1024
_MEMORY_BYTES = 1 << 30
# A call of more bytes is one of a long conversation.
_LONG_CALL = 1 << 16
_PASSED_ON = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "LD_LIBRARY_PATH")


class TemplateProcess:
    """Renders templates within limits, one after the other; for any thread.

    A model's template is a program that its makers wrote, and requests are what it works on: it may
    loop, or fill the memory. Here that ends its process, and the next call starts another one. The
    process gets none of this one's environment but what Python needs. Long conversations have a
    process of their own: others do not wait for them.

    Args:
        seconds: Most of the processor's time for a call.
        most_bytes: Most bytes of a text.
    """

    def __init__(self, seconds: float = MOST_SECONDS, most_bytes: int = MOST_BYTES) -> None:
        self._seconds = seconds
        self._short, self._long = (_Process(seconds, most_bytes) for _ in range(2))
        self._forms: dict[str, TemplateForms] = {}

    def begin(self) -> None:
        """Starts the process of short calls, which imports while its caller does something else."""
        self._short.begin()

    def forms_of(self, template: str) -> TemplateForms:
        """See `Templates`."""
        if template not in self._forms:
            as_text, as_parts, arguments_are_text = json.loads(self._call("forms_of", template, {}))
            self._forms[template] = TemplateForms(
                frozenset(as_text), frozenset(as_parts), arguments_are_text
            )
        return self._forms[template]

    def render(self, template: str, variables: Mapping[str, Any]) -> str:
        """See `Templates`."""
        answer = self._call("render", template, variables)
        return answer.decode("utf-8", "surrogatepass")

    def close(self) -> None:
        """Ends the processes."""
        for process in (self._short, self._long):
            process.close()

    def _call(self, method: str, template: str, variables: Mapping[str, Any]) -> bytes:
        try:
            call = pickle.dumps((method, template, dict(variables)))
        except RecursionError as error:
            raise TemplateRefusal("gets something that is too deeply nested") from error
        answer = (self._long if len(call) > _LONG_CALL else self._short).answer(call)
        if answer is None:
            raise TemplateRefusal(
                f"takes more than {self._seconds:g} s to render, or too much memory"
            )
        if answer[:1] == b"E":
            raise TemplateRefusal(answer[1:].decode("utf-8", "replace"))
        return answer[1:]


@cache
def limited_templates() -> TemplateProcess:
    """What all tokenizers of this process render with; its processes end before this one."""
    templates = TemplateProcess()
    atexit.register(templates.close)
    return templates


class _Process:
    """A process that is there when it is needed, and works on one call at a time."""

    def __init__(self, seconds: float, most_bytes: int) -> None:
        self._limits = (seconds, most_bytes, _MEMORY_BYTES)
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        """Of the process that is there."""
        return None if self._process is None else self._process.pid

    def begin(self) -> None:
        """Starts it, unless it is there."""
        with self._lock:
            if self._process is None:
                self._start()

    def answer(self, call: bytes) -> bytes | None:
        """What it answers; None if it ended over it."""
        with self._lock:
            return self._answer(call)

    def close(self) -> None:
        """Ends it."""
        with self._lock:
            self._end()

    def _answer(self, call: bytes) -> bytes | None:
        process = self._process or self._start()
        assert process.stdin is not None and process.stdout is not None, "they are pipes"
        answer = None
        with contextlib.suppress(BrokenPipeError):
            write_message(process.stdin, call)
            answer = read_message(process.stdout)  # type: ignore[arg-type]
        if answer is None:
            self._end()
        return answer

    def _start(self) -> subprocess.Popen[bytes]:
        environment = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
        environment["PYTHONPATH"] = os.pathsep.join(path for path in sys.path if path)
        self._process = subprocess.Popen(
            [sys.executable, "-m", read_message.__module__, *map(str, self._limits)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment,
        )
        return self._process

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                with contextlib.suppress(BrokenPipeError):
                    pipe.close()
        process.wait()
