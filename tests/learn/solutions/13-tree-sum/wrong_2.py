# says: pairs
def tree_sum(parts):
    level = list(parts)
    while len(level) > 1:
        above = []
        for i in range(0, len(level) - 1, 2):
            above.append(level[i] + level[i + 1])
        if len(level) % 2:
            above.append(level[-1])
        level = above
    return level[0]
