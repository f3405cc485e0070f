def matmul_grad(g, a, b):
    return g @ b.T, a.T @ g
