"""The process in which templates are rendered: `python -m` of this module.

It takes pickled calls from standard input, each with its length before it (4 bytes, big-endian),
and answers each on standard output alike: a letter and UTF-8, or JSON.

    T text | F forms as JSON | E what is wrong

Calls that take too long, or too much memory, end the process: an alarm of the system's does it,
which no template can hold back. What counts is the processor's time, of which a template needs all
that it takes: it cannot wait for anything, and a busy machine refuses none.
"""

from __future__ import annotations

import json
import pickle
import resource
import signal
import sys
from typing import IO, Any, BinaryIO

from max.pipelines.lib.tokenizer.local_templates import LocalTemplates
from max.pipelines.lib.tokenizer.templates import TemplateRefusal

LENGTH_BYTES = 4


def read_message(stream: BinaryIO) -> bytes | None:
    """The next message; None at the end."""
    header = stream.read(LENGTH_BYTES)
    if len(header) < LENGTH_BYTES:
        return None
    length = int.from_bytes(header, "big")
    message = stream.read(length)
    return message if len(message) == length else None


def write_message(stream: IO[bytes], message: bytes) -> None:
    """Sends a message."""
    stream.write(len(message).to_bytes(LENGTH_BYTES, "big"))
    stream.write(message)
    stream.flush()


def answer(call: tuple[str, str, dict[str, Any]], most_bytes: int) -> bytes:
    """What a call of `Templates` brings.

    Args:
        call: The method's name, the template, and its variables.
        most_bytes: Most bytes of a text.
    """
    method, template, variables = call
    try:
        if method == "forms_of":
            forms = LocalTemplates().forms_of(template)
            fields = [sorted(forms.as_text), sorted(forms.as_parts), forms.arguments_are_text]
            return b"F" + json.dumps(fields).encode()
        text = LocalTemplates().render(template, variables).encode("utf-8", "surrogatepass")
    except TemplateRefusal as refusal:
        return b"E" + str(refusal)[:most_bytes].encode("utf-8", "replace")
    except MemoryError:
        return b"E" + b"takes too much memory for these messages"
    if len(text) > most_bytes:
        return b"E" + f"makes more than {most_bytes} bytes of these messages".encode()
    return b"T" + text


def main(seconds: float, most_bytes: int, memory_bytes: int) -> None:
    """Answers calls until there are no more."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # the server has ended: nobody is told
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    while (message := read_message(sys.stdin.buffer)) is not None:
        call = pickle.loads(message)
        signal.setitimer(signal.ITIMER_PROF, seconds)
        result = answer(call, most_bytes)
        signal.setitimer(signal.ITIMER_PROF, 0)
        write_message(sys.stdout.buffer, result)


if __name__ == "__main__":
    main(float(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
