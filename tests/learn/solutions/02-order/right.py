def walk(inputs, slopes, output):
    order, state, stack = [], {}, [output]
    while stack:
        node = stack[-1]
        if state.get(node) == "open":
            state[node] = "done"
            order.append(node)
        if state.get(node) == "done":
            stack.pop()
            continue
        state[node] = "open"
        stack += [i for i in inputs[node] if i not in state]
    grads = [0.0] * len(inputs)
    grads[output] = 1.0
    for node in reversed(order):
        for i, slope in zip(inputs[node], slopes[node]):
            grads[i] += slope * grads[node]
    return grads
