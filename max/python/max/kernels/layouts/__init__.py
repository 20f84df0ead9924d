"""How kernels want the elements of weights to lie in memory."""

from max.kernels.layouts.expert_panels import ExpertPanels
from max.kernels.layouts.expert_planes import ExpertPlanes
from max.kernels.layouts.layout import LayoutUse, WeightLayout
from max.kernels.layouts.panels import Panels
from max.kernels.layouts.planes import Planes

__all__ = ["ExpertPanels", "ExpertPlanes", "LayoutUse", "Panels", "Planes", "WeightLayout"]
