"""What models are asked when their logits are compared."""

from integration.test_common.test_data.prompts import DEFAULT_PROMPTS

__all__ = ["DEFAULT_PROMPTS"]
