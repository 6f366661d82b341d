"""Fitted models as ONNX graphs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import onnx
from onnx import TensorProto, helper, numpy_helper

from ml_service.forecast.series import Floats
from ml_service.forecast.smoothing import LinearForecast

# The oldest set of operators with all that the graphs need; newer runtimes read it too.
_OPERATORS = 18
_TREE_OPERATORS = 3
_IR_VERSION = 9


def linear_graph(forecast: LinearForecast) -> bytes:
    """Window (float64, days of the window) to path (float64, 365 days)."""
    nodes = [
        helper.make_node("MatMul", ["window", "states_of_window"], ["states"]),
        helper.make_node("MatMul", ["states", "path_of_states"], ["path"]),
    ]
    weights = {"states_of_window": forecast.states, "path_of_states": forecast.path}
    return _graph("forecast", nodes, weights, ("window", forecast.window), ("path", forecast.path.shape[1]))


def change_graph(regressor: Any, features: int) -> bytes:
    """Features (float32) to the next daily change in the window's scale (float32)."""
    from skl2onnx import to_onnx
    from skl2onnx.common.data_types import FloatTensorType

    model = to_onnx(
        regressor,
        initial_types=[("features", FloatTensorType([None, features]))],
        final_types=[("change", FloatTensorType([None, 1]))],
        target_opset={"": _OPERATORS, "ai.onnx.ml": _TREE_OPERATORS},
    )
    return bytes(model.SerializeToString(deterministic=True))


def cluster_graph(mean: Floats, deviation: Floats, centres: Floats) -> bytes:
    """Counts (float64: likes, comments, shares) to the number of the nearest centre (int64)."""
    nodes = [
        helper.make_node("Add", ["counts", "one"], ["counts_and_one"]),
        helper.make_node("Log", ["counts_and_one"], ["logs"]),
        helper.make_node("Sub", ["logs", "mean"], ["centred"]),
        helper.make_node("Div", ["centred", "deviation"], ["standardised"]),
        # The nearest centre c of z has the least |c|^2 - 2 c.z, since |z|^2 is the same for all.
        helper.make_node("MatMul", ["standardised", "minus_twice_centres"], ["products"]),
        helper.make_node("Add", ["products", "squares"], ["distances"]),
        helper.make_node("ArgMin", ["distances"], ["cluster"], axis=1, keepdims=0),
    ]
    weights = {
        "one": mean * 0 + 1,
        "mean": mean,
        "deviation": deviation,
        "minus_twice_centres": -2.0 * centres.T,
        "squares": (centres**2).sum(axis=1),
    }
    counts = ("counts", centres.shape[1])
    return _graph("clusters", nodes, weights, counts, ("cluster", None), output_type=TensorProto.INT64)


def _graph(
    name: str,
    nodes: Sequence[Any],
    weights: dict[str, Floats],
    taken: tuple[str, int],
    given: tuple[str, int | None],
    output_type: int = TensorProto.DOUBLE,
) -> bytes:
    shape = [None] if given[1] is None else [None, given[1]]
    graph = helper.make_graph(
        nodes,
        name,
        [helper.make_tensor_value_info(taken[0], TensorProto.DOUBLE, [None, taken[1]])],
        [helper.make_tensor_value_info(given[0], output_type, shape)],
        [numpy_helper.from_array(array, key) for key, array in weights.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", _OPERATORS)], ir_version=_IR_VERSION)
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString(deterministic=True))
