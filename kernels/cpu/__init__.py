"""The kernels of the tier `fast`, compiled for this processor; `conv` is the place to begin to read."""
