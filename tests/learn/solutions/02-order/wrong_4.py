# says: recursion
def walk(inputs, slopes, output):
    order = []

    def visit(node):
        if node not in order:
            for i in inputs[node]:
                visit(i)
            order.append(node)

    visit(output)
    grads = [0.0] * len(inputs)
    grads[output] = 1.0
    for node in order[::-1]:
        for i, s in zip(inputs[node], slopes[node]):
            grads[i] += s * grads[node]
    return grads
