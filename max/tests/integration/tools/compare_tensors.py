"""Compares two files of tensors: one of MAX with one of PyTorch."""

from __future__ import annotations

import sys
from pathlib import Path

if not __package__:  # started as a file: imports begin at max/tests and max/python
    _TESTS = Path(__file__).absolute().parents[2]
    _OWN_FOLDER = 0 if sys.flags.safe_path else 1
    sys.path[:_OWN_FOLDER] = [str(_TESTS), str(_TESTS.parent / "python")]

import click

from integration.test_common.user_paths import user_path

EXIT_DIFFERS = 2
_EPILOG = """
\b
Example:
  ./bazelw run //max/tests/integration/tools:compare_tensors -- \\
      --torch-tensor /tmp/torch/model.layers.0-output-0.pt \\
      --max-tensor /tmp/max/layers.0-output-0.pt

\b
Exit status: 0 all elements are within the tolerances, 2 some are not, 1 they cannot be compared.
"""


@click.command(
    epilog=_EPILOG,
    help=f"{__doc__} They are what `debug_model --output` writes, or a session's printer.",
)
@click.option("--torch-tensor", required=True, help="File of PyTorch's tensor.")
@click.option("--max-tensor", required=True, help="File of MAX's tensor.")
@click.option("--rtol", type=click.FloatRange(min=0), default=1e-3, show_default=True)
@click.option("--atol", type=click.FloatRange(min=0), default=1e-4, show_default=True)
@click.option(
    "--allow-reshape", is_flag=True, help="Compare tensors of as many elements in other shapes."
)
def main(torch_tensor: str, max_tensor: str, rtol: float, atol: float, allow_reshape: bool) -> None:
    """See the module."""
    import torch

    from integration.tools.debugging.comparison import distance
    from max.driver import load_max_buffer

    try:
        theirs = load_max_buffer(user_path(torch_tensor)).tensor
        ours = load_max_buffer(user_path(max_tensor)).tensor
    except (ValueError, OSError) as error:
        raise click.ClickException(str(error)) from error
    if ours.shape != theirs.shape:
        shapes = f"MAX's is {list(ours.shape)}, PyTorch's is {list(theirs.shape)}"
        if ours.numel() != theirs.numel():
            raise click.ClickException(f"the tensors have different numbers of elements: {shapes}")
        if not allow_reshape:
            raise click.ClickException(f"other shapes: {shapes}; see --allow-reshape")
        ours = ours.reshape(theirs.shape)
    found = distance(ours, theirs)
    near = torch.isclose(ours.double(), theirs.double(), rtol=rtol, atol=atol)
    click.echo(f"shape {list(theirs.shape)}, MAX {ours.dtype}, PyTorch {theirs.dtype}")
    click.echo(f"cosine distance     {found.cosine:.3e}")
    click.echo(f"largest difference  {found.largest:.3e}")
    click.echo(f"relative difference {found.relative:.3e}")
    outside = int((~near).sum())
    click.echo(
        f"{outside} of {near.numel()} elements differ by more than {atol:g} + {rtol:g} * |PyTorch|"
    )
    if outside:
        place = (~near).nonzero()[0].tolist()
        values = f"MAX {float(ours[tuple(place)]):g}, PyTorch {float(theirs[tuple(place)]):g}"
        click.echo(f"the first one is at {place}: {values}")
        sys.exit(EXIT_DIFFERS)


if __name__ == "__main__":
    main()
