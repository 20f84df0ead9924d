"""From hidden states to logits: of each request's last token, of its last n, or of all."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import TYPE_CHECKING

from max.dtype import DType
from max.graph import TensorValue, ops
from max.nn import kernels

if TYPE_CHECKING:
    from max.nn.lora import RowSlots


class ReturnLogits(StrEnum):
    """Which logits a model gives."""

    LAST_TOKEN = "last_token"
    VARIABLE = "variable"
    ALL = "all"


class ReturnHiddenStates(StrEnum):
    """Which hidden states a model gives beside the logits."""

    NONE = "none"
    LAST = "last"
    ALL = "all"
    ALL_NORMALIZED = "all_normalized"


def logits_postprocess(
    h: TensorValue,
    input_row_offsets: TensorValue,
    return_n_logits: TensorValue,
    norm: Callable[[TensorValue], TensorValue],
    lm_head: Callable[[TensorValue], TensorValue],
    return_logits: ReturnLogits = ReturnLogits.LAST_TOKEN,
    return_hidden_states: ReturnHiddenStates = ReturnHiddenStates.NONE,
    logits_scaling: float = 1.0,
    soft_cap: float = 0.0,
    adapters: RowSlots | None = None,
) -> tuple[TensorValue, ...]:
    """The outputs of a decoder.

    Args:
        h: [rows, hidden], after the last layer.
        input_row_offsets: uint32 [batch + 1], each request's rows.
        return_n_logits: int64 on the host, read under VARIABLE: how many of each request's last
            rows get logits, at least 1. [1] for the same number of all requests, else [batch]. No
            request may have fewer rows.
        norm: the final normalization.
        lm_head: [rows, hidden] -> [rows, vocab].
        return_logits: LAST_TOKEN computes the logits of each request's last row only.
        return_hidden_states: hidden states to append to the outputs.
        logits_scaling: divisor of the logits.
        soft_cap: logits l become `soft_cap * tanh(l / soft_cap)`; 0 for l itself.
        adapters: which rows of h have which adapter, for a head that takes some.

    Returns:
        `(next_token_logits,)` under LAST_TOKEN; `(next_token_logits, logits, logit_offsets)`
        otherwise: float32 [batch, vocab], float32 [all rows wanted, vocab], and the first row of
        each request in the latter. Hidden states come last.
    """

    def logits_of(picked: Callable[[TensorValue], TensorValue]) -> TensorValue:
        if adapters is not None:
            adapters.pick(picked)
        logits = ops.cast(lm_head(norm(picked(h))), DType.float32)
        if logits_scaling != 1.0:
            logits = logits / logits_scaling
        return kernels.soft_cap(logits, soft_cap) if soft_cap else logits

    def last(rows: TensorValue) -> TensorValue:
        return kernels.last_rows(rows, input_row_offsets)

    if return_logits is ReturnLogits.LAST_TOKEN:
        outputs: tuple[TensorValue, ...] = (logits_of(last),)
    elif return_logits is ReturnLogits.ALL:
        logits = logits_of(lambda every_row: every_row)
        outputs = (last(logits), logits, input_row_offsets)
    else:
        ends = ops.cast(input_row_offsets, DType.int64)[1:]
        rows, logit_offsets = _last_rows(ends, return_n_logits)
        logits = logits_of(lambda every_row: ops.gather(every_row, rows, axis=0))
        outputs = (ops.gather(logits, logit_offsets[1:] - 1, axis=0), logits, logit_offsets)
    if return_hidden_states is ReturnHiddenStates.LAST:
        outputs += (last(h),)
    elif return_hidden_states is ReturnHiddenStates.ALL:
        outputs += (h,)
    elif return_hidden_states is ReturnHiddenStates.ALL_NORMALIZED:
        outputs += (norm(h),)
    return outputs


def _last_rows(ends: TensorValue, return_n_logits: TensorValue) -> tuple[TensorValue, TensorValue]:
    """The last rows of each request, as many as wanted, and where each request's begin.

    Args:
        ends: int64 [batch], the row after each request's last one.
        return_n_logits: see `logits_postprocess`.

    Returns:
        int64 [rows wanted] and int64 [batch + 1].
    """
    n = return_n_logits.to(ends.device)
    requests = ops.range(0, ends.shape[0], 1, out_dim=ends.shape[0], device=ends.device)
    counts = ops.gather(n, requests % n.shape[0], axis=0)
    logit_ends = ops.cumsum(counts)
    logit_offsets = ops.concat([logit_ends[:1] * 0, logit_ends])
    shift = ops.repeat_interleave(ends - logit_ends, counts, out_dim="logit_rows")
    places = ops.range(0, shift.shape[0], 1, out_dim="logit_rows", device=ends.device)
    return shift + places, logit_offsets
