# says: own_factor
class Value:
    def __init__(self, data, edges=()):
        self.data, self.grad, self.edges = data, 0.0, edges

    def __add__(self, other):
        return Value(self.data + other.data, [(self, 1), (other, 1)])

    def __mul__(self, other):
        return Value(self.data * other.data, [(self, self.data), (other, other.data)])

    def relu(self):
        return Value(self.data * (self.data > 0), [(self, int(self.data > 0))])

    def backward(self):
        def push(value, g):
            value.grad += g
            for operand, slope in value.edges:
                push(operand, g * slope)

        push(self, 1.0)
