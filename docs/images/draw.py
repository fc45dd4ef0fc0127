"""Draw the picture of the README: ``python docs/images/draw.py``."""

from pathlib import Path

import tinygrad_edu as tg

x = tg.Tensor([1.0, -2.0, 3.0], name="x")
w = tg.Tensor([0.5, 1.0, 0.2], requires_grad=True, name="w")
b = tg.Tensor(0.4, requires_grad=True, name="b")

y = tg.tanh(x @ w + b)
loss = (y - 1) ** 2
loss.backward()

Path(__file__).with_name("graph.svg").write_bytes(tg.draw_graph(loss).pipe("svg"))
