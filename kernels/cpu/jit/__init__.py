"""How machine code is made: vectors of this processor, LLVM written by hand, kernels on several threads, the cache on disk."""
