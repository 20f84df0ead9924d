"""Which pipelines `verify_pipelines` verifies."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping

from integration.accuracy.verification_config import VerificationConfig, VerifiedPipeline
from integration.test_common.user_paths import user_path


def choose(
    config: VerificationConfig, names: tuple[str, ...], encoding: str, threshold: float
) -> dict[str, VerifiedPipeline]:
    """The pipelines that `--pipeline` names; all of the configuration when it names none.

    Raises:
        ValueError: for a name that is neither configured, nor a folder, nor a repository id.
    """
    known = config.pipelines
    chosen: dict[str, VerifiedPipeline] = {} if names else dict(known)
    for given in names:
        name = config.aliases.get(given, given)
        found = {n: p for n, p in known.items() if name in (n, p.pipeline)}
        if name in known:
            found = {name: known[name]}
        if not found:
            if "/" not in name and not user_path(name).is_dir():
                near = difflib.get_close_matches(name, known, n=len(known), cutoff=0)
                raise ValueError(
                    f"unknown pipeline '{name}'. Configured, nearest first: {', '.join(near)}; or "
                    "give a checkpoint's folder, or a repository id (owner/name)."
                )
            found = {
                name: VerifiedPipeline.model_validate(
                    {"pipeline": name, "encoding": encoding, "kl_div_threshold": threshold}
                )
            }
        chosen |= found
    return chosen


def narrow(
    chosen: Mapping[str, VerifiedPipeline],
    device_type: str,
    tags: str,
    pattern: str | None,
    *,
    named: bool,
) -> dict[str, VerifiedPipeline]:
    """Those that the device, `--tags` and `--filter` leave.

    Raises:
        ValueError: if none is left, or one that was named does not run on the device.
    """
    wanted = {tag.strip() for tag in tags.split(",") if tag.strip()}
    elsewhere = [n for n, p in chosen.items() if device_type not in p.compatible_with]
    if named and elsewhere:
        raise ValueError(f"{', '.join(elsewhere)}: does not run on {device_type}; see --devices")
    left = {
        name: pipeline
        for name, pipeline in chosen.items()
        if name not in elsewhere
        and (wanted & set(pipeline.tags) if wanted else named or not pipeline.on_request)
        and (pattern is None or re.search(pattern, name))
    }
    if not left:
        raise ValueError("no pipeline is left; see --pipeline, --tags, --filter and --devices")
    return left
