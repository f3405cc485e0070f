# says: too_early
from collections import deque


def walk(inputs, slopes, output):
    grads = {node: 0.0 for node in range(len(inputs))}
    grads[output] = 1.0
    queue, visited = deque([output]), set()
    while queue:
        node = queue.popleft()
        if node in visited:
            continue
        visited.add(node)
        for k in range(len(inputs[node])):
            grads[inputs[node][k]] += grads[node] * slopes[node][k]
            queue.append(inputs[node][k])
    return [grads[node] for node in range(len(inputs))]
