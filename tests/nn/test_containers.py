"""Containers, summaries, groups of parameters, and what else holds for modules of modules."""

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu import nn

X = np.random.default_rng(0).normal(size=(5, 3))


def network():
    return nn.Sequential(nn.Linear(3, 4, rng=0), tg.tanh, nn.Linear(4, 2, rng=1))


def test_a_part_of_a_network_shares_its_layers():
    whole = network()
    part = whole[1:]
    assert isinstance(part, nn.Sequential)
    assert [*part] == [*whole][1:]
    np.testing.assert_array_equal(part(whole[0](X)).data, whole(X).data)
    assert isinstance(nn.MLP([3, 4, 2])[:1], nn.Sequential)


def test_layers_with_names():
    layers = [*network()]
    named = nn.Sequential(dict(zip(["body", "bend", "head"], layers, strict=True)))
    assert named["head"] is named[-1] is layers[2]
    assert [*named[:2].layers] == ["body", "bend"]
    assert next(iter(named.state_dict())) == "layers.body.W"
    assert named(X).scope == ("Sequential", "layers.head")
    np.testing.assert_array_equal(named(X).data, network()(X).data)
    with pytest.raises(
        KeyError, match="no layer is called 'tail'; the names are: body, bend, head"
    ):
        named["tail"]
    with pytest.raises(KeyError, match="the names are: none"):
        network()["head"]
    assert "layers.bend: tanh" in repr(named)


def test_a_list_of_modules():
    modules = nn.ModuleList([nn.Linear(3, 1), nn.Linear(3, 2)])
    modules.insert(0, nn.Linear(3, 3))
    modules[1] = nn.Linear(3, 4)
    del modules[2]
    assert [m.W.shape[1] for m in modules] == [3, 4]
    assert len(modules[:1]) == 1

    class Heads(nn.Module):
        def __init__(self):
            self.heads = modules

        def forward(self, x):
            return sum(head(x).sum() for head in self.heads)

    assert [*Heads().state_dict()] == ["heads.0.W", "heads.0.b", "heads.1.W", "heads.1.b"]
    assert Heads()(X).scope == ("Heads",)


def test_modules_by_name():
    modules = nn.ModuleDict({"a": nn.Linear(3, 1)})
    modules["b"] = nn.Linear(3, 2)
    assert "b" in modules
    assert [*modules.keys()] == ["a", "b"]
    assert [*modules.values()] == [m for _, m in modules.items()]
    del modules["a"]
    assert len(modules) == 1
    assert [*modules.state_dict()] == ["b.W", "b.b"]


def test_only_modules_are_taken():
    with pytest.raises(TypeError, match="expected a module; got"):
        nn.ModuleList([tg.tanh])
    with pytest.raises(TypeError, match="expected a module; got"):
        nn.ModuleDict({"a": nn.Linear})


def test_a_residual_adds():
    layer = nn.Residual(nn.Linear(3, 3, rng=0), tg.tanh)
    np.testing.assert_allclose(layer(X).data, X + np.tanh(layer[0](X).data))


# --- all modules in a module ----------------------------------------------------------------------


def test_apply_reaches_the_innermost_first():
    model = nn.Sequential(nn.Sequential(nn.Linear(3, 2)), nn.ReLU())
    seen = []
    assert model.apply(seen.append) is model
    assert seen == [model[1], model[0][0], model[0], model]


def test_what_shall_not_learn_and_shall_again():
    model = nn.Sequential(nn.Linear(3, 3), nn.BatchNorm(3))
    everything = [name for name, _ in model.named_parameters()]
    model.requires_grad_(False)
    assert model.parameters() == []
    assert [*model.state_dict()] == [*everything[:2], "layers.1.gain", "layers.1.b", *BUFFERS]
    model.requires_grad_()
    assert [name for name, _ in model.named_parameters()] == everything


BUFFERS = ["layers.1.running_mean", "layers.1.running_var"]


def test_parameters_in_groups():
    model = network()
    groups = model.parameter_groups({"layers": {"lr": 0.2}, "layers.0.b": {"lr": 0.0}})
    assert [(len(g["params"]), g["lr"]) for g in groups] == [(3, 0.2), (1, 0.0)]
    assert groups[1]["params"] == [model[0].b]
    assert len(model.parameter_groups({})) == 1
    with pytest.raises(ValueError, match=r"no parameters are in layers.1; there are layers.0.W"):
        model.parameter_groups({"layers.1": {"lr": 1}})
    optimizer = tg.optim.SGD(model.parameter_groups({"layers.0": {"lr": 0.0}}), lr=0.1)
    before = model.state_dict()
    model(X).sum().backward()
    optimizer.step()
    after = model.state_dict()
    changed = {name for name in before if not np.array_equal(before[name], after[name])}
    assert changed == {"layers.2.W", "layers.2.b"}


# --- the summary ----------------------------------------------------------------------------------


def test_a_summary_says_what_comes_out_of_every_layer():
    model = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm(4), nn.Sequential(nn.Linear(4, 2)), tg.tanh)
    assert repr(model.summary(X)).splitlines() == [
        "layer                       output  parameters",
        "Sequential                  (5, 2)          34",
        "  layers.0: Linear(3, 4)    (5, 4)          16",
        "  layers.1: BatchNorm(4)    (5, 4)           8",
        "  layers.2: Sequential      (5, 2)          10",
        "    layers.0: Linear(4, 2)  (5, 2)          10",
        "34 parameters, 8 numbers that do not learn, 336 bytes",
    ]


def test_a_summary_changes_nothing():
    model = nn.Sequential(nn.BatchNorm(3), nn.Dropout(0.5, rng=0))
    model[0].eval()
    before = model.state_dict()
    model.summary(X)
    for name, x in model.state_dict().items():
        np.testing.assert_array_equal(x, before[name])
    assert [m.training for _, m in model.named_modules()] == [True, False, True]
    with pytest.raises(ValueError, match="BatchNorm"):
        model.summary(X[:, :2])
    assert model.training
    model(X)


def test_a_summary_of_several_outputs_and_of_what_is_not_called():
    class Model(nn.Module):
        def __init__(self):
            self.rnn = nn.LSTM(3, 2)
            self.unused = nn.Linear(1, 1)

        def forward(self, x):
            return self.rnn(x)[0]

    text = repr(Model().summary(np.ones((4, 5, 3))))
    assert "rnn: LSTM(3, 2)" in text
    assert "(4, 5, 2), (1, 4, 2), (1, 4, 2)" in text
    assert "unused: Linear(1, 1)" in text
