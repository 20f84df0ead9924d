"""The engine: compiles graphs and runs them."""

from max.engine.debug_print import PrintStyle
from max.engine.model import CompiledModel, Model, TensorSpec
from max.engine.session import InferenceSession

__all__ = ["CompiledModel", "InferenceSession", "Model", "PrintStyle", "TensorSpec"]
