"""The engines that `infer` compares, each in a process of its own: the threads of some spin on for a while after their work,
and would slow down whoever comes next.

    python -m ninx.benchmarks.engines ENGINE PRESET BATCH PIXELS THREADS

First it prints a line with its answer to the images, or with the reason why it cannot run; then, for each line that it reads, the
seconds that one call took: the mean of calls in a row. While it waits to read, it does nothing.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from importlib import metadata
from typing import Any

import numpy as np

import ninx

from .. import models, nn
from ..array import Array
from .measure import take_turns, torch_or_none
from .step import alive
from .twins import twin

Work = Callable[[], Any]
TURN = 0.3  # seconds


def inputs(preset: str, batch: int, pixels: int) -> tuple[nn.Module, Array]:
    """The network, with the same weights in each process, and the images (N, C, H, W)."""
    ninx.manual_seed(0)
    net = alive(models.create(preset)).eval()
    channels = models.preset(preset).input_shape[0]
    return net, np.random.default_rng(0).standard_normal((batch, channels, pixels, pixels), np.float32)


def _eager(net: nn.Module, images: Array, threads: int) -> Work:
    x = ninx.from_numpy(images)

    def work() -> Any:
        with ninx.no_grad():
            return net(x).numpy()

    return work


def _frozen(net: nn.Module, images: Array, threads: int) -> Work:
    answer, x = ninx.freeze(net, images.shape[1:]), ninx.from_numpy(images)
    return lambda: answer(x).numpy()


def _torch(net: nn.Module, images: Array, threads: int, compiled: bool = False) -> Work:
    torch = torch_or_none()
    if torch is None:
        raise ImportError("PyTorch is not installed")
    other = twin(net, channels_last=True)
    x = torch.from_numpy(images).contiguous(memory_format=torch.channels_last)
    run = torch.compile(other) if compiled else other

    def work() -> Any:
        with torch.inference_mode():
            return run(x).numpy()

    return work


def _onnx(net: nn.Module, images: Array) -> bytes:
    """The network as a file of ONNX, for batches of this one size, as the others know it too."""
    from ..onnx.exporting import exported

    file = exported(net, images.shape[1:])
    file.graph.input[0].type.tensor_type.shape.dim[0].dim_value = len(images)
    content: bytes = file.SerializeToString()
    return content


def _onnx_runtime(net: nn.Module, images: Array, threads: int) -> Work:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    session = onnxruntime.InferenceSession(_onnx(net, images), options, providers=["CPUExecutionProvider"])
    return lambda: session.run(None, {"input": images})[0]


def _openvino(net: nn.Module, images: Array, threads: int) -> Work:
    import openvino

    core = openvino.Core()
    settings = {"INFERENCE_NUM_THREADS": threads, "PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": "f32"}
    request = core.compile_model(core.read_model(_onnx(net, images)), "CPU", settings).create_infer_request()
    return lambda: request.infer({0: images})[0]


ENGINES: dict[str, tuple[str, Callable[[nn.Module, Array, int], Work]]] = {  # and the package whose version is told
    "ninx, frozen": ("ninx", _frozen),
    "ninx": ("ninx", _eager),
    "PyTorch": ("torch", _torch),
    "torch.compile": ("torch", lambda net, images, threads: _torch(net, images, threads, True)),
    "ONNX Runtime": ("onnxruntime", _onnx_runtime),
    "OpenVINO": ("openvino", _openvino),
}


def first_line(engine: str, net: nn.Module, images: Array, threads: int) -> tuple[dict[str, Any], Work | None]:
    """What the process prints first, and the work; None where the engine cannot run."""
    package, make = ENGINES[engine]
    try:
        work = make(net, images, threads)
        return {"answer": work().tolist(), "version": f"{package} {metadata.version(package)}"}, work
    except Exception as error:  # whatever it is that another program lacks: the others are still to be compared
        return {"skipped": (str(error).strip().splitlines() or [type(error).__name__])[0]}, None


def main(engine: str, preset: str, batch: int, pixels: int, threads: int) -> None:
    """See the file's head."""
    ninx.set_num_threads(threads)
    line, work = first_line(engine, *inputs(preset, batch, pixels), threads)
    print(json.dumps(line), flush=True)  # noqa: T201 - it is read by the process that started this one
    if work is None:
        return
    for _ in sys.stdin:
        (timing,) = take_turns([work], 1, TURN)
        print(timing.seconds[0], flush=True)  # noqa: T201


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], *map(int, sys.argv[3:6]))
