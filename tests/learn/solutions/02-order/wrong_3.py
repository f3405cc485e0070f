# says: endless
def walk(inputs, slopes, output):
    grads = [0.0] * len(inputs)
    todo = [(output, 1.0)]
    while todo:
        node, g = todo.pop()
        grads[node] += g
        for i, s in zip(inputs[node], slopes[node]):
            todo.append((i, g * s))
    return grads
