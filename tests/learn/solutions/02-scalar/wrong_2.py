# says: passed_on_twice
class Value:
    def __init__(self, data, made_from=None):
        self.data, self.grad, self.made_from = data, 0.0, made_from

    def __add__(self, other):
        return Value(self.data + other.data, ("add", self, other))

    def __mul__(self, other):
        return Value(self.data * other.data, ("mul", self, other))

    def relu(self):
        return Value(max(self.data, 0), ("relu", self, None))

    def backward(self):
        self.grad = 1.0
        self.pass_on()

    def pass_on(self):
        if self.made_from is None:
            return
        kind, a, b = self.made_from
        if kind == "relu":
            a.grad += self.grad if a.data > 0 else 0
            a.pass_on()
            return
        a.grad += self.grad * (b.data if kind == "mul" else 1)
        a.pass_on()
        b.grad += self.grad * (a.data if kind == "mul" else 1)
        b.pass_on()
