# says: gradient_written
from graphlib import TopologicalSorter


def walk(inputs, slopes, output):
    grads = [0.0] * len(inputs)
    grads[output] = 1.0
    for node in reversed(list(TopologicalSorter(dict(enumerate(inputs))).static_order())):
        for i, s in zip(inputs[node], slopes[node]):
            if grads[node]:
                grads[i] = s * grads[node]
    return grads
