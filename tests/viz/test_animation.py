"""Animations: what is in their frames, and the files they are saved as."""

import json
import shutil
import subprocess
import warnings

import numpy as np
import pytest

from tinygrad_edu import nn

plt = pytest.importorskip("matplotlib.pyplot")
from tinygrad_edu.viz.figures import animation, neurons, plane, saving  # noqa: E402 - after matplotlib is known to be there

X = np.random.default_rng(0).normal(size=(30, 2))
Y = (X[:, 0] > 0).astype(int)
FRAMES = 3


def networks(sizes=(2, 3, 2, 1)):
    return [nn.MLP([*sizes], "tanh", rng=seed) for seed in range(FRAMES)]


@pytest.fixture(autouse=True)
def _no_figure_is_left():
    yield
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        plt.close("all")


def shown(movie, frame):
    """Draw a frame; return its figure."""
    movie._draw_was_started = True  # else matplotlib warns that it was never shown
    movie._func(frame)
    return movie._fig


def test_a_column_for_each_network_a_row_for_each_neuron():
    columns = {"sigmoid": networks(), "ReLU": networks()}
    figure = shown(animation.animate_training(columns, X, Y), 0)
    assert len(figure.axes) == 2 * (1 + 3 + 2)
    assert [ax.get_title() for ax in figure.axes[:2]] == ["sigmoid", "ReLU"]
    assert [ax.get_ylabel() for ax in figure.axes[::2]] == [
        "output",
        *(f"layer 1\nneuron {i}" for i in (1, 2, 3)),
        *(f"layer 2\nneuron {i}" for i in (1, 2)),
    ]
    assert all(len(ax.collections) == 2 for ax in figure.axes)  # the points, by class


def test_networks_of_different_size_have_labels_of_their_own():
    columns = {"a": networks((2, 2, 1)), "b": networks((2, 1, 1))}
    figure = shown(animation.animate_training(columns, X, Y), 0)
    assert [ax.get_visible() for ax in figure.axes] == [True, True, True, True, True, False]
    assert figure.axes[3].get_ylabel() == "layer 1\nneuron 1"


@pytest.mark.parametrize("frame", range(FRAMES))
def test_every_frame_shows_the_network_of_its_time(frame):
    column = networks()
    movie = animation.animate_training(column, X, Y, epochs=[0, 10, 20], resolution=15)
    figure = shown(movie, frame)
    expected = neurons.neuron_images(column[frame], plane.Plane(X, 15))
    for ax, image in zip(figure.axes, expected.values(), strict=True):
        np.testing.assert_array_equal(ax.images[0].get_array(), image)
    assert [text.get_text() for text in figure.axes[0].texts] == [f"epoch {10 * frame}"]


def test_the_numbers_of_frames_must_agree():
    with pytest.raises(ValueError, match=r"same number of frames; got \{'a': 3, 'b': 2\}"):
        animation.animate_training({"a": networks(), "b": networks()[:2]}, X, Y)
    with pytest.raises(ValueError, match="3 frames, but 2 epochs"):
        animation.animate_training(networks(), X, Y, epochs=[0, 1])
    with pytest.raises(ValueError, match="same number of frames"):
        animation.animate_training({}, X, Y)


def test_saves_a_gif_of_all_frames_with_a_progress_bar(tmp_path, capsys):
    image_module = pytest.importorskip("PIL.Image")
    movie = animation.animate_training(networks(), X, Y)
    path = saving.save_animation(movie, tmp_path / "new" / "a.gif", dpi=40, fps=4)
    with image_module.open(path) as gif:
        assert gif.n_frames == FRAMES
        assert gif.info["duration"] == 250
    assert "saving a.gif: 100%" in capsys.readouterr().err


def test_saves_a_page_of_its_own_without_a_bar_if_that_is_wanted(tmp_path, capsys):
    movie = animation.animate_training(networks(), X, Y)
    path = saving.save_animation(movie, tmp_path / "a.html", dpi=40, progress=False)
    page = path.read_text()
    assert page.count("data:image/png;base64") == FRAMES
    assert "https://" not in page  # it works without a network, its buttons too
    assert 'class="fa' not in page
    assert all(icon in page for icon in saving.ICONS.values())
    assert capsys.readouterr().err == ""


@pytest.mark.skipif(
    shutil.which("ffmpeg") is None or shutil.which("ffprobe") is None,
    reason="there is no ffmpeg on PATH; on Debian: apt-get install ffmpeg",
)
@pytest.mark.parametrize("dpi", [40, 41])  # also if a side has an odd number of pixels
def test_saves_a_film_that_can_be_played(tmp_path, dpi):
    movie = animation.animate_training(networks(), X, Y)
    path = saving.save_animation(movie, tmp_path / "a.mp4", dpi=dpi, fps=4)
    probe = subprocess.run(
        ["ffprobe", "-v", "error", "-count_frames", "-show_streams", "-of", "json", path],  # noqa: S607
        capture_output=True,
        check=True,
    )
    assert probe.stderr == b""
    (stream,) = json.loads(probe.stdout)["streams"]
    assert stream["codec_name"] == "h264"
    assert stream["pix_fmt"] == "yuv420p"  # the one that every player and browser knows
    assert int(stream["nb_read_frames"]) == FRAMES
    assert stream["avg_frame_rate"] == "4/1"
    width, height = movie._fig.get_size_inches() * dpi
    assert stream["width"] == pytest.approx(width, abs=2)
    assert stream["height"] == pytest.approx(height, abs=2)


def test_a_film_without_ffmpeg_says_what_is_missing(tmp_path, monkeypatch):
    monkeypatch.setattr(saving.FFMpegWriter, "isAvailable", lambda: False)
    movie = animation.animate_training(networks(), X, Y)
    movie._draw_was_started = True
    with pytest.raises(RuntimeError, match=r"ffmpeg is not installed; .* \.gif or \.html"):
        saving.save_animation(movie, tmp_path / "a.mp4")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("options", [{"fps": 0}, {"fps": -1}, {"dpi": 0}])
def test_no_frame_in_a_second_and_no_pixel_in_an_inch_are_errors(tmp_path, options):
    movie = animation.animate_training(networks(), X, Y)
    movie._draw_was_started = True
    with pytest.raises(ValueError, match="fps and dpi must be positive; got"):
        saving.save_animation(movie, tmp_path / "a.gif", **options)


def test_capital_letters_in_a_suffix_are_as_good(tmp_path):
    movie = animation.animate_training(networks(), X, Y)
    path = saving.save_animation(movie, tmp_path / "A.GIF", dpi=40, progress=False)
    assert path.read_bytes().startswith(b"GIF8")


def test_another_suffix_is_an_error(tmp_path):
    movie = animation.animate_training(networks(), X, Y)
    movie._draw_was_started = True
    with pytest.raises(ValueError, match=r"\.gif, \.html, \.mp4; got 'a\.avi'"):
        saving.save_animation(movie, tmp_path / "a.avi")
