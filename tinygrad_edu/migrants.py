"""Names of other libraries, and what stands for them here: one table, for messages and the page.

Whoever types ``t.unsqueeze(0)`` or ``x.sum(dim=1)`` is answered with the name here. The page
"Coming from elsewhere" shows these tables.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, NoReturn, TypeVar

__all__ = ["ARGUMENTS", "MODULE", "NN", "OPTIM", "TENSOR", "TOP", "answer", "answering"]

C = TypeVar("C", bound=type)

TOP = {
    "tensor": "tg.Tensor(data)",
    "Value": "tg.Tensor(2.0, requires_grad=True)",
    "Variable": "tg.Tensor(data, requires_grad=True)",
    "array": "tg.Tensor(data)",
    "as_tensor": "tg.Tensor(data)",
    "from_numpy": "tg.Tensor(array), which copies",
    "zeros": "tg.Tensor(np.zeros(shape))",
    "ones": "tg.Tensor(np.ones(shape))",
    "full": "tg.Tensor(np.full(shape, value))",
    "eye": "tg.Tensor(np.eye(n))",
    "arange": "tg.Tensor(np.arange(n))",
    "rand": "tg.Tensor(rng.random(shape)), with rng = np.random.default_rng(seed)",
    "randn": "tg.Tensor(rng.standard_normal(shape)), with rng = np.random.default_rng(seed)",
    "randint": "rng.integers(n, size=shape), with rng = np.random.default_rng(seed)",
    "randperm": "rng.permutation(n), with rng = np.random.default_rng(seed)",
    "random": "rng = np.random.default_rng(seed)",
    "zeros_like": "np.zeros_like(t)",
    "ones_like": "np.ones_like(t)",
    "argmax": "t.argmax(axis=...)",
    "numpy": "import numpy as np: its functions take Tensors",
    "float32": "np.float32",
    "float64": "np.float64",
    "cat": "tg.concatenate",
    "unsqueeze": "tg.expand_dims(t, axis)",
    "permute": "tg.transpose(t, axes)",
    "clamp": "tg.clip",
    "pow": "tg.power",
    "mul": "tg.multiply",
    "mm": "tg.matmul",
    "bmm": "tg.matmul",
    "reduce_sum": "tg.sum",
    "reduce_mean": "tg.mean",
    "cross_entropy": "tg.softmax_cross_entropy(logits, labels)",
    "mse_loss": "tg.mean_squared_error",
    "smooth_l1_loss": "tg.huber_loss",
    "kl_div": "tg.kl_divergence(log_probabilities, targets)",
    "sigmoid_focal_loss": "tg.focal_loss",
    "max_pool1d": "tg.max_pool",
    "max_pool2d": "tg.max_pool",
    "avg_pool1d": "tg.avg_pool",
    "avg_pool2d": "tg.avg_pool",
    "adaptive_max_pool1d": "tg.adaptive_max_pool",
    "adaptive_max_pool2d": "tg.adaptive_max_pool",
    "adaptive_avg_pool1d": "tg.adaptive_avg_pool",
    "adaptive_avg_pool2d": "tg.adaptive_avg_pool",
    "unfold": "tg.sliding_windows",
    "fold": "tg.overlap_add",
    "binary_cross_entropy_with_logits": "tg.sigmoid_cross_entropy(logits, targets)",
    "inference_mode": "tg.no_grad",
    "GradientTape": "loss.backward(), or tg.value_and_grad(f)",
    "autograd": "tg.grad(f), or loss.backward()",
    "jacfwd": "tg.jacobian",
    "jacrev": "tg.jacobian",
    "make_vjp": "tg.vjp",
    "elementwise_grad": "tg.grad(lambda x: f(x).sum())",
    "custom_vjp": "tg.differentiable",
    "primitive": "tg.differentiable",
    "Function": "tg.differentiable",
    "check_grads": "tg.check_gradients",
    "draw_dot": "tg.draw_graph",
    "Module": "tg.nn.Module",
    "Linear": "tg.nn.Linear",
    "Sequential": "tg.nn.Sequential",
    "MLP": "tg.nn.MLP",
    "SGD": "tg.optim.SGD",
    "Adam": "tg.optim.Adam",
    "DataLoader": "tg.batches(x, y, batch_size=32), for each epoch",
}
"""At top level."""

TENSOR = {
    "view": "t.reshape(shape), a new Tensor",
    "unsqueeze": "tg.expand_dims(t, axis), or t[:, None]",
    "permute": "t.transpose(axes)",
    "t": "t.T",
    "expand": "tg.broadcast_to(t, shape)",
    "clone": "tg.copy(t); t.detach() for a constant",
    "contiguous": "t: it always works",
    "cpu": "t: it is in the memory of this computer",
    "cuda": "t: there is NumPy only, on this computer",
    "to": "t.astype(dtype)",
    "device": "nothing: all is in the memory of this computer",
    "type": "t.astype(dtype)",
    "float": "t.astype(np.float32)",
    "double": "t.astype(np.float64)",
    "half": "t.astype(np.float16)",
    "long": "t.data.astype(int), an array",
    "int": "t.data.astype(int), an array",
    "detach_": "t.detach(), a new Tensor",
    "requires_grad_": "t.requires_grad = True",
    "zero_": "t.data[...] = 0 of a leaf that no graph uses",
    "add_": "t = t + x, or t.data += x of a leaf",
    "copy_": "t.data = array, of a leaf",
    "null_grad": "t.zero_grad()",
    "grad_fn": "t.op",
    "creator": "t.op",
    "constant": "not t.requires_grad",
    "dim": "t.ndim",
    "numel": "t.size, a number",
    "pow": "t ** n",
    "mul": "t * x",
    "add": "t + x",
    "sub": "t - x",
    "div": "t / x",
    "matmul": "t @ x",
    "mm": "t @ x",
    "clamp": "t.clip(low, high)",
    "norm": "tg.norm(t)",
    "topk": "t.argsort(axis)",
}
"""Of a Tensor t."""

NN = {
    "functional": "tg.relu, tg.softmax, ...: functions are at top level",
    "Parameter": "tg.Tensor(data, requires_grad=True)",
    "CrossEntropyLoss": "tg.softmax_cross_entropy(logits, labels), a function",
    "NLLLoss": "tg.nll_loss(log_probabilities, labels), a function",
    "MSELoss": "tg.mean_squared_error(predictions, targets), a function",
    "BCELoss": "tg.binary_cross_entropy(probabilities, targets), a function",
    "BCEWithLogitsLoss": "tg.sigmoid_cross_entropy(logits, targets), a function",
    "Dense": "nn.Linear(inputs, outputs, activation)",
    "Neuron": "nn.Linear(inputs, 1)",
    "Layer": "nn.Linear(inputs, outputs)",
    "MaxPool1d": "nn.MaxPool(window)",
    "MaxPool2d": "nn.MaxPool(window)",
    "AvgPool1d": "nn.AvgPool(window)",
    "AvgPool2d": "nn.AvgPool(window)",
    "AdaptiveMaxPool1d": "nn.AdaptiveMaxPool(size)",
    "AdaptiveMaxPool2d": "nn.AdaptiveMaxPool(size)",
    "AdaptiveAvgPool1d": "nn.AdaptiveAvgPool(size)",
    "AdaptiveAvgPool2d": "nn.AdaptiveAvgPool(size)",
    "BatchNorm1d": "nn.BatchNorm(channels)",
    "BatchNorm2d": "nn.BatchNorm(channels)",
    "MultiheadAttention": "nn.MultiHeadAttention(width, heads)",
    "TransformerEncoderLayer": "nn.TransformerBlock(width, heads)",
    "L1Loss": "tg.l1_loss(predictions, targets), a function",
    "HuberLoss": "tg.huber_loss(predictions, targets), a function",
    "KLDivLoss": "tg.kl_divergence(log_probabilities, targets), a function",
    "CosineSimilarity": "tg.cosine_similarity(a, b), a function",
    "utils": "tg.optim.clip_by_norm",
}
"""In ``tg.nn``."""

MODULE = {
    "to": "module: it is in the memory of this computer; nn.Linear(..., dtype=...) for a precision",
    "cpu": "module: it is in the memory of this computer",
    "cuda": "module: there is NumPy only, on this computer",
    "float": "nn.Linear(..., dtype=np.float32)",
    "double": "nn.Linear(..., dtype=float), the default",
    "modules": "[m for _, m in module.named_modules()]",
    "children": "[m for _, m in module.named_modules()]",
    "register_buffer": "self.name = tg.Tensor(data), which is no parameter",
    "register_parameter": "self.name = tg.Tensor(data, requires_grad=True)",
    "register_forward_hook": "module.summary(x) for shapes; t.retain_grad() for gradients",
    "fit": "tg.train(module, x, y, ...)",
}
"""Of a module."""

LINEAR = {
    "weight": "layer.W, of shape (inputs, outputs): the transpose of PyTorch's",
    "bias": "layer.b",
    "w": "layer.W",
    "in_features": "layer.W.shape[0]",
    "out_features": "layer.W.shape[1]",
    "neurons": "layer.W, with a column for each unit",
}
"""Of a Linear layer."""

OPTIM = {
    "RMSProp": "optim.RMSprop",
    "AdaGrad": "optim.Adagrad",
    "Momentum": "optim.SGD(parameters, lr, momentum=0.9)",
    "lr_scheduler": "optim.step_decay, optim.cosine_decay, ...: give one as lr",
    "clip_grad_norm_": "optim.clip_by_norm",
    "LBFGS": "tg.scipy.optimize.minimize",
}
"""In ``tg.optim``."""

ARGUMENTS: dict[str, str | int] = {
    "dim": "axis",
    "dims": "axis",
    "keepdim": "keepdims",
    "input": 0,
    "other": 1,
    "exponent": 1,
    "target": 1,
    "correction": "ddof",
    "unbiased": "ddof",
    "in_features": "inputs",
    "out_features": "outputs",
    "in_channels": "inputs",
    "out_channels": "outputs",
    "kernel_size": "window",
    "input_size": "inputs",
    "hidden_size": "units",
    "num_layers": "layers",
    "num_features": "channels",
    "num_embeddings": "count",
    "embedding_dim": "width",
    "embed_dim": "width",
    "d_model": "width",
    "num_heads": "heads",
    "nhead": "heads",
    "dim_feedforward": "hidden",
    "normalized_shape": "features",
    "weight": "W",
    "attn_mask": "mask",
    "is_causal": "causal",
    "min_val": "low",
    "max_val": "high",
    "batch_first": "leave it out: samples come first, then steps, then features",
    "training": "leave it out: call it in training only, as nn.Dropout does",
    "learning_rate": "lr",
    "grad_tensors": "gradient",
    "retain_graph": "leave it out: the graph stays until the loss goes",
    "constant": "leave it out: a Tensor is constant unless requires_grad=True",
    "device": "leave it out: all is in the memory of this computer",
}
"""Arguments: the name here, or the place of the argument among the others, or a sentence."""

TABLES = {"tinygrad_edu": TOP, "tinygrad_edu.nn": NN, "tinygrad_edu.optim": OPTIM}


def answer(module: str, name: str) -> NoReturn:
    """Raise the error of a module that has no such name, with the one it has instead."""
    known = TABLES[module].get(name)
    advice = f"; write {known}" if known else ""
    raise AttributeError(
        f"module {module!r} has no attribute {name!r}{advice}", name=name, obj=sys.modules[module]
    )


def answering(names: dict[str, str]) -> Callable[[C], C]:
    """Let the instances of a class answer to these names with what to write in their place.

    By descriptors that raise, and not by ``__getattr__``: with that, each attribute that there is
    would be found three times as slowly. For ``hasattr`` and ``dir`` the names do not exist.
    """

    def decorate(cls: C) -> C:
        for name, advice in names.items():
            setattr(cls, name, _Elsewhere(name, advice))
        cls.__dir__ = _existing  # type: ignore[method-assign, assignment]  # as object's
        return cls

    return decorate


class _Elsewhere:
    """An attribute that there is not: asked for, it raises an error that names another one."""

    __slots__ = ("advice", "name")

    def __init__(self, name: str, advice: str) -> None:
        self.name, self.advice = name, advice

    def __get__(self, thing: Any, owner: type) -> NoReturn:
        of = f"type object {owner.__name__!r}" if thing is None else f"{owner.__name__!r} object"
        raise AttributeError(
            f"{of} has no attribute {self.name!r}; write {self.advice}",
            name=self.name,
            obj=owner if thing is None else thing,
        )


def _existing(thing: Any) -> list[str]:
    """The names for ``dir``, without those that only answer."""
    found: dict[str, Any] = {}
    for base in reversed(type(thing).__mro__):
        found.update(vars(base))
    found.update(getattr(thing, "__dict__", {}))
    return [name for name, x in found.items() if not isinstance(x, _Elsewhere)]
