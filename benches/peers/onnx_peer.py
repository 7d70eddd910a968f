"""The encoding of a batch in ONNX Runtime."""

import numpy as np
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

import common


def model(inputs, outputs, batch):
    """code = sigmoid(x · weights + bias)"""
    draw = np.random.default_rng(1)
    weights = draw.uniform(-0.1, 0.1, (inputs, outputs)).astype(np.float32)
    bias = np.zeros(outputs, np.float32)
    graph = helper.make_graph(
        [
            helper.make_node("Gemm", ["x", "weights", "bias"], ["sum"]),
            helper.make_node("Sigmoid", ["sum"], ["code"]),
        ],
        "encoder",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [batch, inputs])],
        [helper.make_tensor_value_info("code", TensorProto.FLOAT, [batch, outputs])],
        [numpy_helper.from_array(weights, "weights"), numpy_helper.from_array(bias, "bias")],
    )
    # An operator set that every recent runtime knows.
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return made.SerializeToString()


taken = common.options()
choice = onnxruntime.SessionOptions()
choice.intra_op_num_threads = taken.threads
choice.inter_op_num_threads = 1
session = onnxruntime.InferenceSession(
    model(*taken.sizes, taken.batch), choice, providers=["CPUExecutionProvider"]
)
feed = {"x": common.noise(taken.batch, taken.sizes[0])}
step_us = common.median_us(taken, lambda _: session.run(None, feed))
common.report(taken, "ONNX Runtime", onnxruntime.__version__, step_us)
