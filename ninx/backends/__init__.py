"""The switches of PyTorch's libraries that programs set in their first lines; here they change nothing.

>>> ninx.backends.cudnn.benchmark = True
>>> ninx.backends.cudnn.is_available(), ninx.backends.mps.is_available()
(False, False)
"""

from . import cudnn, mps

__all__ = ["cudnn", "mps"]
