"""Look-ups in the table of a function, by compiled code; see `_table`."""

from .._utils.jit import jit


@jit
def panel_of(table, x):
    """Return the number of the panel that a number is in; the last ones go on."""
    low, high = 0, int(table[0])
    while high - low > 1:
        middle = (low + high) // 2
        if table[2 + middle] <= x:
            low = middle
        else:
            high = middle
    return low


@jit
def both_in(table, panel, x):
    """Return the function and its derivative at a number in a panel."""
    n, m = int(table[0]), int(table[1])
    a, b = table[2 + panel], table[3 + panel]
    t = (2.0 * x - (a + b)) / (b - a)
    first = 3 + n + m + panel * 16
    second = first + n * 16
    y, s = table[first], table[second]
    for k in range(1, 16):
        y = y * t + table[first + k]
        s = s * t + table[second + k]
    return y, s


@jit
def evaluate_table(table, x, y, s):
    """Write the function and its derivative at each number."""
    for k in range(x.size):
        y[k], s[k] = both_in(table, panel_of(table, x[k]), x[k])
