# says: too_early
class Value:
    def __init__(self, data, parents=()):
        self.data, self.grad, self.parents = data, 0.0, parents

    def __add__(self, other):
        return Value(self.data + other.data, [(self, 1.0), (other, 1.0)])

    def __mul__(self, other):
        return Value(self.data * other.data, [(self, other.data), (other, self.data)])

    def relu(self):
        return Value(max(self.data, 0.0), [(self, 1.0 if self.data > 0 else 0.0)])

    def backward(self):
        self.grad = 1.0
        stack, seen = [self], set()
        while stack:
            value = stack.pop()
            if value in seen:
                continue
            seen.add(value)
            for parent, slope in value.parents:
                parent.grad += slope * value.grad
                stack.append(parent)
