"""Layers against PyTorch's: with the same weights the same values, gradients and training."""

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu import nn

torch = pytest.importorskip("torch")
theirs = torch.nn

RNG = np.random.default_rng(0)
IMAGES = RNG.normal(size=(4, 3, 8, 8))
SIGNALS = RNG.normal(size=(4, 3, 9))
ROWS = RNG.normal(size=(6, 5))
TEXT = RNG.integers(0, 7, (4, 5))
SEQUENCES = RNG.normal(size=(4, 5, 6))


def first(module):
    """A module of PyTorch without its second result."""

    class First(theirs.Module):
        def __init__(self):
            super().__init__()
            self.inner = module

        def forward(self, *inputs):
            return self.inner(*inputs)[0]

    return First()


class Ours(nn.Module):
    """A module of ours without its second result."""

    def __init__(self, inner):
        self.inner = inner

    def forward(self, *inputs):
        return self.inner(*inputs)[0]


def attention(**options):
    class SelfAttention(theirs.Module):
        def __init__(self):
            super().__init__()
            self.inner = theirs.MultiheadAttention(6, 2, batch_first=True, **options)

        def forward(self, x):
            return self.inner(x, x, x, need_weights=False)[0]

    return SelfAttention()


class Named(nn.Module):
    def __init__(self, inner):
        self.inner = inner

    def forward(self, x):
        return self.inner(x)


def encoder(norm_first):
    return theirs.TransformerEncoderLayer(
        6, 2, 10, 0.0, torch.tanh, batch_first=True, norm_first=norm_first
    )


# ours, theirs, what they are given
PAIRS = {
    "Linear": (lambda: nn.Linear(5, 3), lambda: theirs.Linear(5, 3), ROWS),
    "Conv1d": (
        lambda: nn.Conv1d(3, 4, 3, 2, 1, 2),
        lambda: theirs.Conv1d(3, 4, 3, 2, 1, 2),
        SIGNALS,
    ),
    "Conv2d": (
        lambda: nn.Conv2d(3, 6, (3, 2), 2, padding=1, groups=3),
        lambda: theirs.Conv2d(3, 6, (3, 2), 2, padding=1, groups=3),
        IMAGES,
    ),
    "Conv2d without bias": (
        lambda: nn.Conv2d(3, 6, 3, bias=False),
        lambda: theirs.Conv2d(3, 6, 3, bias=False),
        IMAGES,
    ),
    "Conv2d between mirrors": (
        lambda: nn.Conv2d(3, 4, 3, padding=(1, 2), stride=2, padding_mode="reflect"),
        lambda: theirs.Conv2d(3, 4, 3, padding=(1, 2), stride=2, padding_mode="reflect"),
        IMAGES,
    ),
    "Conv2d between borders": (
        lambda: nn.Conv2d(3, 4, (3, 2), padding="same", padding_mode="replicate"),
        lambda: theirs.Conv2d(3, 4, (3, 2), padding="same", padding_mode="replicate"),
        IMAGES,
    ),
    "Conv1d on a circle": (
        lambda: nn.Conv1d(3, 4, 4, padding="same", padding_mode="circular"),
        lambda: theirs.Conv1d(3, 4, 4, padding="same", padding_mode="circular"),
        SIGNALS,
    ),
    "ConvTranspose2d": (
        lambda: nn.ConvTranspose2d(3, 2, 3, 2, 1, 1),
        lambda: theirs.ConvTranspose2d(3, 2, 3, 2, 1, 1),
        IMAGES,
    ),
    "BatchNorm of rows": (lambda: nn.BatchNorm(5), lambda: theirs.BatchNorm1d(5), ROWS),
    "BatchNorm of images": (
        lambda: nn.BatchNorm(3, eps=0.1, momentum=0.3),
        lambda: theirs.BatchNorm2d(3, eps=0.1, momentum=0.3),
        IMAGES,
    ),
    "LayerNorm": (lambda: nn.LayerNorm((8, 8)), lambda: theirs.LayerNorm((8, 8)), IMAGES),
    "RMSNorm": (lambda: nn.RMSNorm(5), lambda: theirs.RMSNorm(5, eps=1e-6), ROWS),
    "PReLU": (lambda: nn.PReLU(3), lambda: theirs.PReLU(3), IMAGES),
    "Embedding": (lambda: nn.Embedding(7, 4), lambda: theirs.Embedding(7, 4), TEXT),
    "Embedding with a sign that fills": (
        lambda: nn.Embedding(7, 4, padding_idx=2),
        lambda: theirs.Embedding(7, 4, padding_idx=2),
        TEXT,
    ),
    "RNN": (
        lambda: Ours(nn.RNN(6, 4, 2)),
        lambda: first(theirs.RNN(6, 4, 2, batch_first=True)),
        SEQUENCES,
    ),
    "LSTM": (
        lambda: Ours(nn.LSTM(6, 4, 2)),
        lambda: first(theirs.LSTM(6, 4, 2, batch_first=True)),
        SEQUENCES,
    ),
    "GRU": (
        lambda: Ours(nn.GRU(6, 4, 2)),
        lambda: first(theirs.GRU(6, 4, 2, batch_first=True)),
        SEQUENCES,
    ),
    "GRU without bias": (
        lambda: Ours(nn.GRU(6, 4, bias=False)),
        lambda: first(theirs.GRU(6, 4, bias=False, batch_first=True)),
        SEQUENCES,
    ),
    "RNN in two directions": (
        lambda: Ours(nn.RNN(6, 4, bidirectional=True)),
        lambda: first(theirs.RNN(6, 4, bidirectional=True, batch_first=True)),
        SEQUENCES,
    ),
    "LSTM in two directions": (
        lambda: Ours(nn.LSTM(6, 4, 2, bidirectional=True)),
        lambda: first(theirs.LSTM(6, 4, 2, bidirectional=True, batch_first=True)),
        SEQUENCES,
    ),
    "MultiHeadAttention": (
        lambda: Named(nn.MultiHeadAttention(6, 2)),
        attention,
        SEQUENCES,
    ),
    "TransformerBlock": (
        lambda: nn.TransformerBlock(6, 2, 10, "tanh"),
        lambda: encoder(norm_first=True),
        SEQUENCES,
    ),
    "TransformerBlock of the paper": (
        lambda: nn.TransformerBlock(6, 2, 10, "tanh", norm_first=False),
        lambda: encoder(norm_first=False),
        SEQUENCES,
    ),
    "a network": (
        lambda: nn.Sequential(
            nn.Conv2d(3, 4, 3, padding=1),
            nn.BatchNorm(4),
            nn.ReLU(),
            nn.MaxPool(2),
            nn.Sequential({"conv": nn.Conv2d(4, 5, 3), "pool": nn.AvgPool(2)}),
            nn.Flatten(),
            nn.Linear(5, 2),
        ),
        lambda: theirs.Sequential(
            theirs.Conv2d(3, 4, 3, padding=1),
            theirs.BatchNorm2d(4),
            theirs.ReLU(),
            theirs.MaxPool2d(2),
            theirs.Sequential(),
            theirs.Flatten(),
            theirs.Linear(5, 2),
        ),
        IMAGES,
    ),
}


@pytest.fixture(params=PAIRS)
def pair(request):
    """A module of ours, and one of PyTorch's with the same weights; what they are given."""
    make, make_judge, x = PAIRS[request.param]
    torch.manual_seed(0)
    module, judge = make(), make_judge().double()
    if request.param == "a network":
        judge[4].add_module("conv", theirs.Conv2d(4, 5, 3).double())
        judge[4].add_module("pool", theirs.AvgPool2d(2))
    nn.load_torch_state_dict(module, judge.state_dict())
    return module, judge, x


def test_values_and_gradients_are_those_of_pytorch(pair):
    module, judge, x = pair
    is_text = x.dtype.kind == "i"
    t = tg.Tensor(x, requires_grad=not is_text)
    j = torch.tensor(x, requires_grad=not is_text)
    y, expected = module(t), judge(j)
    np.testing.assert_allclose(y.data, expected.detach().numpy(), atol=1e-12)
    g = np.random.default_rng(1).normal(size=y.shape)
    y.backward(g)
    expected.backward(torch.tensor(g))
    if not is_text:
        np.testing.assert_allclose(t.grad, j.grad.numpy(), atol=1e-11)
    assert_same_gradients(module, judge)
    for name, x in nn.torch_state_dict(module).items():
        np.testing.assert_allclose(x, judge.state_dict()[name].numpy(), atol=1e-12)


def assert_same_gradients(module, judge):
    """By a state in which gradients stand for the values."""
    gradients = {name: p.grad for name, p in judge.named_parameters()}
    for p in module.parameters():
        p.data = p.grad
    for name, x in nn.torch_state_dict(module).items():
        if name in gradients:
            np.testing.assert_allclose(x, gradients[name].numpy(), atol=1e-10)
            judge.get_parameter(name).data = gradients[name]


def test_ten_steps_of_training_are_those_of_pytorch(pair):
    module, judge, x = pair
    ours = tg.optim.Adam(module.parameters(), lr=0.01)
    other = torch.optim.Adam(judge.parameters(), lr=0.01)
    before = {name: t.clone() for name, t in judge.state_dict().items()}
    target = np.random.default_rng(2).normal(size=judge(torch.tensor(x)).shape)
    judge.load_state_dict(before)
    for _ in range(10):
        ours.zero_grad()
        loss = tg.mean_squared_error(module(x), target)
        loss.backward()
        ours.step()
        other.zero_grad()
        expected = ((judge(torch.tensor(x)) - torch.tensor(target)) ** 2).mean()
        expected.backward()
        other.step()
        assert loss.item() == pytest.approx(expected.item(), rel=1e-7)
    state = judge.state_dict()
    for name, values in nn.torch_state_dict(module).items():
        np.testing.assert_allclose(values, state[name].numpy(), rtol=1e-5, atol=1e-7)
    module.eval()
    judge.eval()
    with torch.no_grad():
        expected = judge(torch.tensor(x)).numpy()
    np.testing.assert_allclose(module(x).data, expected, atol=1e-6)


@pytest.mark.parametrize("kind", ["RNN", "LSTM", "GRU"])
@pytest.mark.parametrize("bidirectional", [False, True])
def test_sequences_of_several_lengths_and_their_states(kind, bidirectional):
    module = getattr(nn, kind)(6, 4, 2, bidirectional=bidirectional)
    judge = getattr(theirs, kind)(6, 4, 2, bidirectional=bidirectional, batch_first=True).double()
    nn.load_torch_state_dict(module, judge.state_dict())
    lengths = [5, 2, 4, 1]
    packed = theirs.utils.rnn.pack_padded_sequence(
        torch.tensor(SEQUENCES), lengths, batch_first=True, enforce_sorted=False
    )
    expected, state = judge(packed)
    expected, _ = theirs.utils.rnn.pad_packed_sequence(expected, batch_first=True)
    y, ended = module(SEQUENCES, lengths=lengths)
    np.testing.assert_allclose(y.data, expected.detach().numpy(), atol=1e-12)
    pairs = zip(ended, state, strict=True) if isinstance(ended, tuple) else [(ended, state)]
    for s, t in pairs:
        np.testing.assert_allclose(s.data, t.detach().numpy(), atol=1e-12)


def test_masks_and_causality_are_those_of_pytorch():
    judge = theirs.MultiheadAttention(6, 2, batch_first=True).double()
    module = nn.MultiHeadAttention(6, 2)
    nn.load_torch_state_dict(module, judge.state_dict())
    x = torch.tensor(SEQUENCES)
    later = torch.ones(5, 5, dtype=bool).triu(1)
    expected, weights = judge(x, x, x, attn_mask=later, average_attn_weights=False)
    np.testing.assert_allclose(module(SEQUENCES, causal=True).data, expected.detach(), atol=1e-12)
    maps = module.weights(SEQUENCES, causal=True).data
    np.testing.assert_allclose(maps, weights.detach(), atol=1e-12)
    padding = np.arange(5) < np.array([[5], [2], [4], [1]])
    expected, _ = judge(x, x, x, key_padding_mask=torch.tensor(~padding))
    y = module(SEQUENCES, mask=padding[:, None])
    np.testing.assert_allclose(y.data, expected.detach(), atol=1e-12)


def test_weights_go_back_to_pytorch():
    module = nn.Sequential(nn.Linear(5, 4), nn.BatchNorm(4), nn.PReLU())
    judge = theirs.Sequential(theirs.Linear(5, 4), theirs.BatchNorm1d(4), theirs.PReLU()).double()
    state = {name: torch.from_numpy(x) for name, x in nn.torch_state_dict(module).items()}
    judge.load_state_dict(state, strict=False)
    np.testing.assert_allclose(module(ROWS).data, judge(torch.tensor(ROWS)).detach())


def test_a_state_of_other_layers_is_refused_whole():
    module = nn.Sequential(nn.Linear(5, 4), nn.Linear(4, 2))
    before = module.state_dict()
    state = theirs.Sequential(theirs.Linear(5, 4), theirs.Linear(3, 2)).state_dict()
    state["2.weight"] = state.pop("0.bias")
    with pytest.raises(ValueError, match="does not fit this Sequential") as caught:
        nn.load_torch_state_dict(module, state)
    assert [line.split()[:2] for line in str(caught.value).splitlines()[1:]] == [
        ["missing", "0.bias:"],
        ["unexpected", "2.weight"],
        ["misfit", "1.weight:"],
    ]
    for name, x in module.state_dict().items():
        np.testing.assert_array_equal(x, before[name])
