# says: larger_half_first
def tree_sum(parts):
    if len(parts) <= 1:
        return parts[0]
    half = -(-len(parts) // 2)
    return tree_sum(parts[:half]) + tree_sum(parts[half:])
