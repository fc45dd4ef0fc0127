"""The training loop, as a generator that reports after each epoch what a person would plot.

>>> import numpy as np
>>> import tinygrad_edu as tg
>>> x = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
>>> y = np.array([0, 1, 1, 0])
>>> network = tg.nn.MLP([2, 8, 2], "tanh", rng=0)
>>> optimizer = tg.optim.Adam(network.parameters(), lr=0.1)
>>> for epoch in tg.train(network, x, y, loss=tg.softmax_cross_entropy, optimizer=optimizer,
...                       epochs=40, every=20, progress=False):
...     print(epoch.epoch, round(epoch.loss, 2), epoch.accuracy)
0 0.7 0.5
20 0.04 1.0
40 0.0 1.0
"""

from tinygrad_edu.training.loop import train
from tinygrad_edu.training.reports import Epoch, History

__all__ = ["Epoch", "History", "train"]
