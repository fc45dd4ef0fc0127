"""The steps of the explorer as a film."""

import itertools
import shutil

import numpy as np
import pytest

import tinygrad_edu as tg

pytest.importorskip("pygraphviz", reason="nothing here can draw: pip install pygraphviz")
pytest.importorskip("matplotlib", reason="films are drawn by matplotlib")

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_hex
from matplotlib.patches import Patch
from matplotlib.text import Text
from PIL import Image


@pytest.fixture(scope="module")
def explorer():
    def neuron(x, w):
        a = tg.tanh(w * x)
        return a * a

    return tg.explore(neuron, 0.5, -1.0)


class Film:
    """What is seen in each frame."""

    def __init__(self, explorer):
        self.film = explorer._animate()
        self.film._draw_was_started = True  # it is looked at, not drawn
        self.figure = self.film._fig

    def texts(self, frame):
        self.film._func(frame)
        found = [text for text in self.figure.findobj(Text) if text.get_visible()]
        return [text.get_text() for text in found if text.get_text()]

    def colors(self, frame):
        self.film._func(frame)
        patches = self.figure.findobj(lambda p: isinstance(p, Patch) and p.get_linewidth() == 3)
        return [to_hex(patch.get_edgecolor()) for patch in patches]


@pytest.fixture(scope="module")
def film(explorer):
    return Film(explorer)


def test_values_come_forward_and_gradients_backward(film):
    first, half, last = film.texts(0), film.texts(3), film.texts(10)
    assert first[-3:] == ["Backpropagation through neuron", "What is given", "step 0 of 10 · given"]
    value, slope = f"{np.tanh(-0.5) ** 2:.4f}", 2 * np.tanh(-0.5) / np.cosh(-0.5) ** 2
    assert value not in first
    assert value in half
    assert {f"{0.5 * slope:.4f}", f"{-slope:.4f}"} <= set(last) - set(half)
    assert last[-1] == "step 10 of 10 · done"


def test_a_gradient_that_is_not_complete_is_shown_as_far_as_it_is(film):
    once, twice = f"{np.tanh(-0.5):.4f}", f"{2 * np.tanh(-0.5):.4f}"
    assert once in film.texts(5)
    assert twice not in film.texts(5)
    assert twice in film.texts(6)
    assert film.texts(5)[-2] == "From L to a, as operand 1, through L = a * a"


def test_what_is_at_work_is_outlined_in_the_color_of_its_direction(film):
    assert film.colors(0) == []
    assert set(film.colors(1)) == {"#0072b2"}
    assert set(film.colors(5)) == {"#d55e00"}


def test_all_words_are_in_the_picture_and_none_on_another(film):
    film.texts(10)
    FigureCanvasAgg(film.figure).draw()
    words = film.figure.findobj(lambda t: isinstance(t, Text) and t.get_text() and t.get_visible())
    boxes = [text.get_window_extent() for text in words]
    assert len(boxes) > 20
    frame = film.figure.bbox
    assert all(frame.x0 <= box.x0 < box.x1 <= frame.x1 for box in boxes)
    assert all(frame.y0 <= box.y0 < box.y1 <= frame.y1 for box in boxes)
    assert [a for a, b in itertools.combinations(boxes, 2) if a.shrunk(0.8, 0.6).overlaps(b)] == []


@pytest.mark.parametrize("suffix", ["gif", "webp"])
def test_a_film_rests_at_the_end(tmp_path, explorer, suffix):
    path = explorer.save(tmp_path / "new" / f"walk.{suffix}", fps=2, dpi=40)
    with Image.open(path) as film:
        assert film.n_frames == explorer.steps
        durations = []
        for frame in range(film.n_frames):
            film.seek(frame)
            film.load()
            durations.append(film.info["duration"])
    assert durations == [500] * (explorer.steps - 1) + [2000]


def test_a_film_without_ffmpeg_says_what_to_do(tmp_path, explorer):
    if shutil.which("ffmpeg"):
        assert explorer.save(tmp_path / "walk.mp4", dpi=40).stat().st_size > 1000
    else:
        with pytest.raises(RuntimeError, match="ffmpeg is not installed; save"):
            explorer.save(tmp_path / "walk.mp4")


def test_explore_writes_what_the_suffix_says(tmp_path):
    tg.explore(tg.sin, 1.0, path=tmp_path / "walk.gif")
    assert (tmp_path / "walk.gif").read_bytes()[:4] == b"GIF8"
