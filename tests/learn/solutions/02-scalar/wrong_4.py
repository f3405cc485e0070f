# says: relu_always_open
class Value:
    def __init__(self, data):
        self.data, self.grad, self.back = data, 0.0, []

    def __add__(self, other):
        y = Value(self.data + other.data)
        y.back = [(self, lambda g: g), (other, lambda g: g)]
        return y

    def __mul__(self, other):
        y = Value(self.data * other.data)
        y.back = [(self, lambda g: g * other.data), (other, lambda g: g * self.data)]
        return y

    def relu(self):
        y = Value(max(0.0, self.data))
        y.back = [(self, lambda g: g)]
        return y

    def backward(self, g=1.0):
        self.grad += g
        for value, vjp in self.back:
            value.backward(vjp(g))
