"""Where datasets lie in the lake."""


def dataset_path(name: str) -> str:
    """Gives a dataset's file: <source>/<table>/<table>.csv, for names without a source datasets/…."""
    source, _, table = name.rpartition("/")
    return f"{source or 'datasets'}/{table}/{table}.csv"
