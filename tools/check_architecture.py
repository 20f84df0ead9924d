"""Checks an architecture as a reviewer would, and prints the report for its pull request.

./bazelw run //tools:check_architecture -- ./my_model --model ./tiny-checkpoint
python3 -m tools.check_architecture gemma2 --model ./tiny-checkpoint
"""

# The programs that it runs, and what the checks of the model import.
# build: deps = ["@pip_dev//:mypy", "@pip_dev//:ruff", "@pip_dev//:httpx", "@pip_dev//:lm_eval"]
# build: deps = ["@pip//:pyyaml"]

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import click

from tools.build.imports import workspace_root
from tools.scaffold.base_family import known_families
from tools.scaffold.package_review import Finding, review_imports, review_package

_EPILOG = """\b
Examples:
  check_architecture ./my_model --model ./tiny-checkpoint
  check_architecture gemma2 --model ./tiny-checkpoint --report /tmp/report.md
  check_architecture ./my_model --model ./checkpoint --lm-eval gsm8k_cot_llama

\b
Exit status: 0 when every check passes, else 1.
"""


@click.command(epilog=_EPILOG)
@click.argument("package")
@click.option(
    "--model", required=True, help="A checkpoint; a tiny one with random weights will do."
)
@click.option("--lm-eval", help="Task of lm-eval to run against the server.")
@click.option("--limit", default=100, show_default=True, help="Questions of that task.")
@click.option("--report", help="Write the report to this file, too.")
def main(package: str, model: str, lm_eval: str | None, limit: int, report: str | None) -> None:
    """Checks the architecture in PACKAGE, a folder or the name of a family of the tree."""
    here = Path(os.environ.get("BUILD_WORKING_DIRECTORY", os.curdir)).absolute()
    root = workspace_root()
    in_tree = package in known_families()
    architectures = root / "max" / "python" / "max" / "pipelines" / "architectures"
    folder = architectures / package if in_tree else here / package
    if not (folder / "__init__.py").is_file():
        known = ", ".join(known_families())
        raise click.UsageError(
            f"there is no package in {folder} (its __init__.py is missing); give the folder of a "
            f"package, or a family of the tree: {known}"
        )
    if not (here / model).is_dir():
        raise click.UsageError(f"--model {here / model} is no folder of a checkpoint")
    findings = [review_package(folder, in_tree=in_tree), review_imports(folder)]
    findings += _lint(folder, root)
    findings += _run(None if in_tree else folder, here / model, root, lm_eval, limit)
    text = markdown(folder.name, findings)
    click.echo(text)
    if report is not None:
        (here / report).write_text(text + "\n", encoding="utf-8")
    sys.exit(0 if all(finding.passed for finding in findings) else 1)


def markdown(name: str, findings: list[Finding]) -> str:
    """The report."""
    failed = sum(not finding.passed for finding in findings)
    verdict = f"{failed} of {len(findings)} checks fail" if failed else "every check passes"
    rows = [
        f"| {'✅' if each.passed else '❌'} | {each.name} | {each.details.replace('|', '/')} |"
        for each in findings
    ]
    return "\n".join([f"## {name}: {verdict}", "", "| | check | |", "|---|---|---|", *rows])


def _environment(root: Path) -> dict[str, str]:
    paths = [root, root / "max" / "python", root / "max" / "tests", *sys.path]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, paths))}


def _lint(folder: Path, root: Path) -> list[Finding]:
    """The repository's own settings of ruff and mypy, on the package."""
    settings = ["--config", str(root / "pyproject.toml")]
    commands = {
        "ruff check": ["ruff", "check", "--output-format", "concise", *settings, str(folder)],
        "ruff format": ["ruff", "format", "--check", *settings, str(folder)],
        "mypy": ["mypy", "--config-file", str(root / "pyproject.toml"), str(folder)],
    }
    return [_command(name, command, root) for name, command in commands.items()]


def _command(name: str, command: list[str], root: Path) -> Finding:
    done = subprocess.run(
        [sys.executable, "-m", *command],
        cwd=root,
        env=_environment(root),
        capture_output=True,
        text=True,
        check=False,
    )
    lines = [line for line in (done.stdout + done.stderr).splitlines() if line.strip()]
    return Finding(name, done.returncode == 0, "; ".join(lines[-3:]) if done.returncode else "")


def _run(
    package: Path | None, model: Path, root: Path, lm_eval: str | None, limit: int
) -> list[Finding]:
    """What the model does, in a process of its own."""
    options = ["--limit", str(limit), *(["--lm-eval", lm_eval] if lm_eval else [])]
    with tempfile.TemporaryDirectory() as scratch:
        results = Path(scratch, "results.json")
        name = "-" if package is None else str(package)
        command = ["integration.accuracy.architecture_checks", name, str(model), str(results)]
        done = _command("run the model", [*command, *options], root)
        if not done.passed:
            return [done]
        found = json.loads(results.read_text(encoding="utf-8"))
    return [Finding(**each) for each in found]


if __name__ == "__main__":
    main()
