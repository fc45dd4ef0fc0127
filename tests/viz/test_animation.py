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


def test_a_block_for_each_network_with_a_picture_for_each_neuron():
    blocks = {"sigmoid": networks(), "ReLU": networks()}
    figure = shown(animation.animate_training(blocks, X, Y), 0)
    assert [block._suptitle.get_text() for block in figure.subfigs] == ["sigmoid", "ReLU"]
    for block in figure.subfigs:
        assert [ax.get_title() for ax in block.axes] == [
            "output",
            *(f"layer 1, neuron {i}" for i in (1, 2, 3)),
            *(f"layer 2, neuron {i}" for i in (1, 2)),
        ]
        assert all(len(ax.collections) == 2 for ax in block.axes)  # the points, by class


def test_layers_are_rows_beside_the_output():
    figure = shown(animation.animate_training(networks((2, 6, 2, 1)), X, Y), 0)
    output, *hidden = [ax.get_position() for ax in figure.axes]
    assert output.x1 < min(box.x0 for box in hidden)
    assert output.width > 1.5 * hidden[0].width
    rows = [round(box.y0, 3) for box in hidden]
    assert [rows.index(y) for y in rows] == [0, 0, 0, 0, 4, 4, 6, 6]  # six neurons: four and two


def test_a_movie_is_wider_than_high():
    for count in (1, 2, 4):
        blocks = {str(i): networks((2, 4, 3, 1)) for i in range(count)}
        width, height = shown(animation.animate_training(blocks, X, Y), 0).get_size_inches()
        assert 0.6 < width / height < 4


def test_networks_of_different_size():
    blocks = {"a": networks((2, 2, 1)), "b": networks((2, 1, 1)), "c": networks((2, 1))}
    figure = shown(animation.animate_training(blocks, X, Y), 0)
    assert [len(block.axes) for block in figure.subfigs][:3] == [3, 2, 1]


@pytest.mark.parametrize("frame", range(FRAMES))
def test_every_frame_shows_the_network_of_its_time(frame):
    column = networks()
    movie = animation.animate_training(column, X, Y, epochs=[0, 10, 20], resolution=15)
    figure = shown(movie, frame)
    expected = neurons.neuron_images(column[frame], plane.Plane(X, 15))
    for ax, image in zip(figure.axes, expected.values(), strict=True):
        np.testing.assert_array_equal(ax.images[0].get_array(), image)
    assert figure.axes[0].get_title("right") == f"epoch {10 * frame}"


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
        durations = []
        for frame in range(FRAMES):
            gif.seek(frame)
            durations.append(gif.info["duration"])
    assert durations == [250, 250, 2000]  # one can see what it comes to
    assert "saving a.gif: 100%" in capsys.readouterr().err


def test_a_webp_is_smaller_than_a_gif(tmp_path):
    movie = animation.animate_training(networks(), X, Y)
    gif, webp = (saving.save_animation(movie, tmp_path / f"a.{kind}") for kind in ("gif", "webp"))
    assert webp.stat().st_size < gif.stat().st_size


def test_saves_a_page_of_its_own_without_a_bar_if_that_is_wanted(tmp_path, capsys):
    movie = animation.animate_training(networks(), X, Y)
    path = saving.save_animation(movie, tmp_path / "a_movie.html", dpi=40, progress=False)
    page = path.read_text()
    frames = json.loads(page.split('id="data">')[1].split("</script>")[0])["frames"]
    assert len(frames) == FRAMES
    assert all(frame.startswith("data:image/webp;base64,") for frame in frames)
    assert "https://" not in page  # it works without a network, its buttons too
    assert "<h1>a movie</h1>" in page
    assert capsys.readouterr().err == ""


@pytest.fixture(scope="module")
def movie_page(tmp_path_factory):
    movie = animation.animate_training({"a": networks(), "b": networks()}, X, Y)
    folder = tmp_path_factory.mktemp("movie")
    path = saving.save_animation(movie, folder / "a.html", fps=10, title="Two networks")
    plt.close("all")
    return path


@pytest.mark.parametrize(("width", "height"), [(1280, 900), (390, 700)])
def test_a_page_shows_controls_and_the_whole_picture(browser, movie_page, width, height):
    page = browser.new_page(viewport={"width": width, "height": height}, reduced_motion="reduce")
    page.goto(movie_page.as_uri())
    assert page.inner_text("h1") == "Two networks"
    picture = page.locator("#picture").bounding_box()
    assert picture["x"] >= 0
    assert picture["x"] + picture["width"] <= width
    assert picture["y"] + picture["height"] <= height
    boxes = [element.bounding_box() for element in page.locator(".controls > *").all()]
    assert max(box["y"] + box["height"] for box in boxes) <= picture["y"]
    assert max(box["x"] + box["width"] for box in boxes) <= width
    page.close()


def test_a_page_plays_by_itself_unless_that_is_not_wanted(browser, movie_page):
    for motion, plays in [("no-preference", True), ("reduce", False)]:
        page = browser.new_page(reduced_motion=motion)
        page.goto(movie_page.as_uri())
        page.wait_for_timeout(150)
        assert (page.get_attribute("#play", "aria-pressed") == "true") == plays
        page.keyboard.press("End")
        assert page.inner_text("#count") == f"picture {FRAMES} of {FRAMES}"
        assert page.get_attribute("#play", "aria-pressed") == "false"
        page.keyboard.press("ArrowLeft")
        assert page.inner_text("#count") == f"picture {FRAMES - 1} of {FRAMES}"
        page.close()


def test_a_page_has_a_way_back_and_follows_the_dark(browser, movie_page):
    page = browser.new_page(color_scheme="dark")
    page.goto("about:blank")
    page.goto(movie_page.as_uri())
    ground = page.locator("body").evaluate("e => getComputedStyle(e).backgroundColor")
    assert ground == "rgb(13, 17, 23)"
    page.click("#leave")
    page.wait_for_url("about:blank")
    page.close()


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
    with pytest.raises(ValueError, match=r"\.gif, \.html, \.mp4, \.webp; got 'a\.avi'"):
        saving.save_animation(movie, tmp_path / "a.avi")
