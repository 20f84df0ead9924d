"""Starts a new architecture: a package that serves and passes the parity tests unchanged.

    ./bazelw run //tools:new_architecture -- my_model --from llama3
    python3 -m tools.new_architecture my_model --from qwen2 --output ~/models

The package is a subclass of an existing family; change what your model does differently.
"""

from __future__ import annotations

import os
from pathlib import Path

import click

from tools.build.imports import workspace_root
from tools.scaffold.base_family import find_family, known_families
from tools.scaffold.package import Names, write_package
from tools.scaffold.register import register_in_tree

_EPILOG = """\b
Examples:
  new_architecture my_model --from llama3
  new_architecture my_model --from qwen2 --hf-name MyModelForCausalLM
  new_architecture my_model --from llama3 --output ./packages
"""


@click.command(epilog=_EPILOG)
@click.argument("name")
@click.option("--from", "base", default="llama3", show_default=True, help="Family to start from.")
@click.option(
    "--hf-name",
    help="`architectures[0]` of the checkpoints' config.json; made of NAME unless given.",
)
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    help="Folder for a package outside the tree (see --custom-architectures); "
    "without it the architecture is added to the tree.",
)
def main(name: str, base: str, hf_name: str | None, output: Path | None) -> None:
    """Starts architecture NAME (a Python identifier such as my_model) from an existing one."""
    if not name.isidentifier() or name != name.lower():
        raise click.UsageError(f"NAME must be a lower-case Python identifier, got '{name}'")
    family = find_family(base)
    if family is None:
        known = ", ".join(known_families())
        raise click.UsageError(f"no architecture family '{base}'; --from takes one of: {known}")
    names = Names.of(name, hf_name)
    root = workspace_root()
    architectures = root / "max" / "python" / "max" / "pipelines" / "architectures"
    here = Path(os.environ.get("BUILD_WORKING_DIRECTORY", os.curdir))
    folder = (here / output if output else architectures) / name
    if folder.exists():
        raise click.UsageError(f"{folder} exists already; choose another NAME or remove it")
    for path in write_package(folder, names, family):
        click.echo(f"wrote {path}")
    if output:
        click.echo(
            f"\nServe a checkpoint with it: serve --model ... --custom-architectures {folder}"
        )
        return
    for path in register_in_tree(root, names, family):
        click.echo(f"wrote {path}")
    click.echo(
        "\nNext:\n"
        "  ./bazelw run //tools:update_build_files\n"
        f"  ./bazelw test //max/tests/tests/pipelines/architectures:test_{name}\n"
        "Then change what your model does differently: docs/bring-up-a-model.md"
    )


if __name__ == "__main__":
    main()
