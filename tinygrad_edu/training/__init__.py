"""The training loop: it reports the loss, the accuracy and more after each epoch.

>>> import numpy as np
>>> import tinygrad_edu as tg
>>> x = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
>>> y = np.array([0, 1, 1, 0])
>>> network = tg.nn.MLP([2, 8, 2], "tanh", rng=0)
>>> optimizer = tg.optim.Adam(network.parameters(), lr=0.1)
>>> tg.train(network, x, y, loss=tg.softmax_cross_entropy, optimizer=optimizer, epochs=40,
...          progress=False)
History of 40 epochs, finished
epoch       loss  accuracy
    0     0.7021       0.5
   40  0.0006923         1
"""

from tinygrad_edu.training.data import batches
from tinygrad_edu.training.history import Epoch, History
from tinygrad_edu.training.loop import train, train_epochs

__all__ = ["Epoch", "History", "batches", "train", "train_epochs"]
