"""One convolution under the magnifying glass: what each way to compute it does, takes, and should take; ``ninx lab``."""

from .comparison import Comparison, compare
from .convolution import Study, conv
from .trials import Sweep, sweep

__all__ = ["Comparison", "Study", "Sweep", "compare", "conv", "sweep"]
