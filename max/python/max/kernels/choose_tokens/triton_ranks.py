"""Ranks of tokens without sorting: binary searches over what is better than a bound.

A token's *key* is the distance of its logit to the best one, as the bits of a float32: 0 for the
best, larger for worse, so that integers compare as the logits do. Its *mass* is its probability as
a whole number, 2^40 for the best: sums are exact in any order.
"""

from __future__ import annotations

from max.kernels.gpu.language import Pointer, Value, gpu_function, tl


@gpu_function
def mass_of(key: Value) -> Value:
    """Masses of tokens; what is less likely than 2^-40 of the best has none."""
    return (tl.exp(-key.to(tl.float32, bitcast=True)) * 1099511627776.0).to(tl.int64)


@gpu_function
def better_than(keys: Pointer, count: Value, bound: Value, BLOCK: tl.constexpr) -> Value:
    """How many of the first tokens have a key below a bound, and their mass."""
    tokens = tl.zeros([BLOCK], tl.int32)
    mass = tl.zeros([BLOCK], tl.int64)
    for start in range(0, count, BLOCK):
        place = start + tl.arange(0, BLOCK)
        key = tl.load(keys + place, mask=place < count, other=0x7FFFFFFF)
        is_better = key < bound
        tokens += is_better.to(tl.int32)
        mass += tl.where(is_better, mass_of(key), 0)
    return tl.sum(tokens, 0), tl.sum(mass, 0)


@gpu_function
def key_at(
    keys: Pointer, count: Value, target: Value, BY_MASS: tl.constexpr, BLOCK: tl.constexpr
) -> Value:
    """The key of the token of a rank; or of that in which the sum of masses passes a target.

    It is the largest bound with no more than the target below it.
    """
    found = tl.full([], 0, tl.int32)
    for step in range(31):
        bound = found + (1 << (30 - step))
        tokens, mass = better_than(keys, count, bound, BLOCK)
        passes = mass > target if BY_MASS else tokens > target
        found = tl.where(passes, found, bound)
    return found


@gpu_function
def mass_of_best(keys: Pointer, count: Value, best: Value, BLOCK: tl.constexpr) -> Value:
    """The mass of so many of the best tokens."""
    key = key_at(keys, count, best - 1, False, BLOCK)
    tokens, mass = better_than(keys, count, key, BLOCK)
    return mass + (best - tokens) * mass_of(key)


@gpu_function
def place_of_sum(
    keys: Pointer,
    count: Value,
    target: Value,
    key: Value,
    OF_MASS: tl.constexpr,
    BLOCK: tl.constexpr,
) -> Value:
    """The first place at which a sum exceeds a target: of masses, or of tokens that have a key."""
    passed = tl.full([], 0, tl.int64)
    found = tl.full([], 0, tl.int32)
    for start in range(0, count, BLOCK):
        place = start + tl.arange(0, BLOCK)
        inside = place < count
        own = tl.load(keys + place, mask=inside, other=0x7FFFFFFF)
        weight = tl.where(inside, mass_of(own), 0) if OF_MASS else (own == key).to(tl.int64)
        sums = passed + tl.cumsum(weight, 0)
        found += tl.sum((inside & (sums <= target)).to(tl.int32), 0)
        passed += tl.sum(weight, 0)
    return found
