"""Latent attention's part before the scores: norm, angles, cache."""

from max.kernels.latent_store_ragged.op import latent_store_ragged

__all__ = ["latent_store_ragged"]
