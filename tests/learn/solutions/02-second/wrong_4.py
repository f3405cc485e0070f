# says: chain_forgotten
def gradient(A, x):
    return (A @ x) ** 2


def hvp(A, x, v):
    return 2 * (A @ x) * (A @ v) @ A
