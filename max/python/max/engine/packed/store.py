"""Where the weights of compiled models are kept as kernels read them."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import torch

from max.driver.cache_folder import CacheFolderError
from max.engine.model import CompiledModel
from max.engine.node_placing import copied_to_nodes
from max.engine.packed.file import PackedFileError, map_packed_file, write_packed_file

logger = logging.getLogger("max.engine")


@dataclass(frozen=True)
class PackedWeights:
    """A folder for the weights of one checkpoint's models, one file each.

    Attributes:
        folder: it need not exist.
        source: tells apart whatever the weights are made of: the checkpoint's files, the code that
            reads them.
        is_kept: whether weights that are not there are kept once they are placed. Those that are
            out of date or damaged are made anew in any case.
    """

    folder: Path
    source: str
    is_kept: bool = False

    def begin(self) -> None:
        """Begins to map and check what there is, in a thread: a graph is built meanwhile."""
        _ = self._begun

    @cached_property
    def _begun(self) -> dict[Path, Future[dict[str, torch.Tensor]]]:
        pool = ThreadPoolExecutor(1, thread_name_prefix="check-weights")
        found = self.folder.glob("*.weights")
        return {path: pool.submit(map_packed_file, path) for path in found}

    def mapped_or(
        self, compiled: CompiledModel, place: Callable[[], Mapping[str, torch.Tensor]]
    ) -> Mapping[str, torch.Tensor]:
        """The weights of a model: mapped and checked, else placed and perhaps kept.

        Args:
            compiled: the model.
            place: gives the weights where there is no sound file of them.

        Raises:
            CacheFolderError: if they are to be kept and cannot be.
        """
        if not all(weight.device.is_cpu() for weight in compiled.weights.values()):
            return place()
        path = self.path(compiled)
        others = set(self.folder.glob(f"{compiled.name}-*.weights"))
        if path in others:
            try:
                return copied_to_nodes(compiled, self._mapped(path, compiled))
            except (PackedFileError, OSError) as error:
                logger.warning("%s is damaged and made anew: %s", path, error)
        elif others:
            logger.info("the weights in %s are out of date and made anew", self.folder)
        placed = place()
        if self.is_kept or others:
            try:
                _keep(path, {name: placed[name] for name in compiled.weights})
            except CacheFolderError as error:
                if self.is_kept:
                    raise
                logger.warning("the weights are not kept: %s", error)
        for other in others - {path}:
            other.unlink(missing_ok=True)
        return placed

    def _mapped(self, path: Path, compiled: CompiledModel) -> dict[str, torch.Tensor]:
        begun = self._begun.pop(path, None)
        found = map_packed_file(path) if begun is None else begun.result()
        if found.keys() != compiled.weights.keys():
            raise PackedFileError("it has other weights than the model")
        return found

    def path(self, compiled: CompiledModel) -> Path:
        """The file of a model: another for other weights, types or layouts."""
        digest = hashlib.sha256(self.source.encode())
        for name, weight in compiled.weights.items():
            layout = compiled.layouts.get(name)
            kind = f"{weight.type.dtype} {weight.type.shape}" if layout is None else layout.tag
            digest.update(f"\n{name} {kind}".encode())
        return self.folder / f"{compiled.name}-{digest.hexdigest()[:16]}.weights"


def _keep(path: Path, tensors: Mapping[str, torch.Tensor]) -> None:
    from tqdm import tqdm

    total = sum(tensor.nbytes for tensor in tensors.values())
    with tqdm(total=total, unit="B", unit_scale=True, desc="keeping weights", disable=None) as bar:
        try:
            write_packed_file(path, tensors, bar.update)
        except OSError as error:
            raise CacheFolderError(f"cannot write {path}: {error}") from error
