"""What the Prometheus page of this process would say."""

from prometheus_client import REGISTRY


class Counted:
    """By how much a sample has grown since."""

    def __init__(self, name: str, **labels: str) -> None:
        self._name, self._labels = name, labels
        self._before = self._value()

    def grown(self) -> float:
        return self._value() - self._before

    def _value(self) -> float:
        return REGISTRY.get_sample_value(self._name, self._labels) or 0.0
