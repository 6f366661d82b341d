"""Running an ONNX graph whose bytes are known to be the right ones."""

from __future__ import annotations

from typing import Any

import onnxruntime
from numpy.typing import NDArray


class Graph:
    """One graph with one input and one output, run on one thread."""

    def __init__(self, content: bytes) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        # A little memory saved for each of many small graphs.
        options.enable_cpu_mem_arena = False
        self._session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
        self._input = self._session.get_inputs()[0].name

    def run(self, values: NDArray[Any]) -> NDArray[Any]:
        output: NDArray[Any] = self._session.run(None, {self._input: values})[0]
        return output
