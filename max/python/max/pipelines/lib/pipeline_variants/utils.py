"""What packages ask of a configuration: the documented home of these names."""

from max.pipelines.lib.utils import get_rope_theta, upper_bounded_default

__all__ = ["get_rope_theta", "upper_bounded_default"]
