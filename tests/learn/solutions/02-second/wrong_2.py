# says: imprecise
def gradient(A, x):
    return A.T @ (A @ x) ** 2


def hvp(A, x, v):
    h = 1e-5
    return (gradient(A, x + h * v) - gradient(A, x)) / h
