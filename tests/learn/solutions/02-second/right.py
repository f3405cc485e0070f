def gradient(A, x):
    return A.T @ (A @ x) ** 2


def hvp(A, x, v):
    return A.T @ (2 * (A @ x) * (A @ v))
