"""Logits of the reference: transformers runs the checkpoint."""

from __future__ import annotations

from integration.test_common.logit_files import PromptLogits, TokenLogits
from integration.test_common.torch_reference import TorchReference
from integration.tools.logit_run import LogitRun, Progress, resolved_encoding
from max.driver import load_devices


def generate_with_torch(run: LogitRun, progress: Progress) -> list[PromptLogits]:
    """Runs the model; see `generate_logits`."""
    from transformers import AutoTokenizer

    model = run.pipeline_config().model
    folder = model.resolved_model_path
    files = model.resolved_weight_paths  # downloads them, if they are not there
    if any(path.parent != folder for path in files):
        raise ValueError(f"the weights of '{run.pipeline}' are not in its folder {folder}")
    device = load_devices(model.device_specs)[0].to_torch()
    tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=run.trust_remote_code)
    reference = TorchReference(folder, resolved_encoding(run), str(device), run.trust_remote_code)
    results = []
    for query in run.queries():
        rows = reference.steps(tokenizer.encode(query.prompt), query.num_steps, query.forced)
        tokens = query.forced or [int(row.argmax()) for row in rows]
        values = [TokenLogits(token, row) for token, row in zip(tokens, rows, strict=True)]
        results.append(PromptLogits(query.prompt, values))
        for _ in values:
            progress()
    return results
