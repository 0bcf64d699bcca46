"""Tables of text for tests of how they are read."""

from ntk_sklearn.comparison.data.tables import read_csv


def lines(*columns, header="", sep=",", end=""):
    """Join columns of cells to lines."""
    rows = [sep.join(map(str, row)) + end for row in zip(*columns, strict=True)]
    return "\n".join([header + end, *rows] if header else rows) + "\n"


def reader(folder):
    """Return a function that writes a table into a folder, and reads it."""

    def read(content, name="table.csv", **options):
        path = folder / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return read_csv(path, **options)

    return read
