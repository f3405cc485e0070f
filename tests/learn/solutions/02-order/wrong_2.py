# says: by_number
def walk(inputs, slopes, output):
    grads = [0.0 for _ in inputs]
    grads[output] = 1.0
    for node in range(output, -1, -1):
        for i, s in zip(inputs[node], slopes[node]):
            grads[i] = grads[i] + s * grads[node]
    return grads
