"""Runs a module as a Bazel binary's program."""

import os
import runpy
import sys


def run(module: str) -> None:
    """Runs a module as `python3 -m MODULE` does, in the folder where `bazel run` was called.

    `bazel run` starts programs in their runfiles; the caller's folder is where relative paths on
    the command line are meant from.
    """
    if not sys.flags.safe_path:
        # The folder of the started script: its modules must not hide the standard library's.
        del sys.path[0]
    if folder := os.environ.get("BUILD_WORKING_DIRECTORY"):
        os.chdir(folder)
    runpy.run_module(module, run_name="__main__", alter_sys=True)
