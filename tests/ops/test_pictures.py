"""Whatever an operation is called with, it can be drawn, and its story can be told."""

import xml.etree.ElementTree as ET

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tinygrad_edu as tg
from tinygrad_edu.trees import leaves
from tinygrad_edu.viz.folding import arrange
from tinygrad_edu.viz.model import read_graph
from tinygrad_edu.viz.story import steps_of

from .table import ROWS, replaced, variable


@pytest.mark.parametrize("row", ROWS, ids=str)
@settings(max_examples=3)
@given(data=st.data())
def test_every_call_can_be_shown(row, data):
    case = data.draw(row.cases)
    args, _ = replaced(case, variable)
    outputs = [y for y in leaves(row.op(*args, **case.options)) if isinstance(y, tg.Tensor)]
    loss = sum((y * 1.0).sum() for y in outputs if y.requires_grad)
    if not isinstance(loss, tg.Tensor):  # nothing of this call depends on anything
        return
    with np.errstate(all="ignore"):
        loss.backward()
        assert tg.draw_graph(loss).source
        steps = list(steps_of(arrange(read_graph(loss), None, 300)))
    assert {"forward", "backward"} <= {step.phase for step in steps}
    for step in steps:
        ET.fromstring(f"<div>{step.html}</div>")  # noqa: S314 - our own words
