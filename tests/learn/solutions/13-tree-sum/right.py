def tree_sum(parts):
    def summed(first, end):
        if end - first == 1:
            return parts[first].copy()
        middle = first + (end - first) // 2
        total = summed(first, middle)
        total += summed(middle, end)
        return total

    return summed(0, len(parts))
