"""Animations as files: pictures that move, pages with buttons, films."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import BytesIO
from os import PathLike
from pathlib import Path
from typing import Any

from matplotlib.animation import FFMpegWriter, FuncAnimation, PillowWriter
from matplotlib.artist import Artist
from matplotlib.collections import Collection
from matplotlib.image import AxesImage
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Rectangle
from matplotlib.text import Text
from PIL import Image

from tinygrad_edu.viz import pages

try:
    from tqdm import tqdm
except ModuleNotFoundError:  # without tqdm there is no progress bar
    tqdm = None

__all__ = ["MOVING", "check_options", "save_animation"]


def save_animation(
    animation: FuncAnimation,
    path: str | PathLike[str],
    *,
    fps: float = 5,
    dpi: int = 90,
    progress: bool = True,
    title: str = "",
) -> Path:
    """Save an animation; the suffix of the path says as what.

    The last frame, which shows what it comes to, stays for two seconds before it begins again.

    Parameters
    ----------
    animation : FuncAnimation
        What `animate_training` returned.
    path : path
        With the suffix ``.webp`` or ``.gif`` (pictures that move; a GIF is larger),
        ``.html`` (a page of its own, with buttons) or ``.mp4`` (needs ffmpeg).
    fps : float, optional
        Frames in a second.
    dpi : int, optional
        Pixels in an inch.
    progress : bool, optional
        Whether to show a progress bar, if tqdm is installed.
    title : str, optional
        The title of a page; the name of the file by default.

    Returns
    -------
    Path
        Where it is.

    Raises
    ------
    ValueError
        If the suffix is another one, or there is no frame in a second.
    RuntimeError
        If ffmpeg is needed and not installed.

    Examples
    --------
    >>> import numpy as np
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> import tinygrad_edu as tg
    >>> from tinygrad_edu import viz
    >>> X, y = np.random.default_rng(0).normal(size=(20, 2)), np.arange(20) % 2
    >>> frames = [tg.nn.MLP([2, 1], rng=seed) for seed in range(3)]
    >>> movie = viz.animate_training(frames, X, y)
    >>> with TemporaryDirectory() as folder:
    ...     path = viz.save_animation(movie, Path(folder) / "a.gif", progress=False)
    ...     path.name, path.stat().st_size > 1000
    ('a.gif', True)
    """
    if not isinstance(animation, FuncAnimation):
        raise TypeError(
            f"animation must be what animate_training returned; got {type(animation).__name__}"
        )
    path = Path(path)
    check_options(path, fps, dpi)
    path.parent.mkdir(parents=True, exist_ok=True)
    with _progress_bar(f"saving {path.name}", progress) as advance:
        writer = WRITERS[path.suffix.lower()](fps=fps)
        writer.title = title or path.stem.replace("_", " ")
        animation.save(path, writer=writer, dpi=dpi, progress_callback=advance)
    return path


def check_options(path: Path, fps: float, dpi: int) -> None:
    """Refuse what `save_animation` cannot do."""
    if fps <= 0 or dpi <= 0:
        raise ValueError(f"fps and dpi must be positive; got fps={fps} and dpi={dpi}")
    kind = path.suffix.lower()
    if kind not in WRITERS:
        raise ValueError(f"an animation is saved as {', '.join(WRITERS)}; got {path.name!r}")
    if kind == ".mp4" and not FFMpegWriter.isAvailable():
        raise RuntimeError("ffmpeg is not installed; save the animation as .gif or .html instead")


MOVING = "moving"
"""The id (``set_gid``) of what differs between the frames."""

HOLD = 2.0  # for how many seconds the last frame stays


class _Picture(PillowWriter):
    """A picture that moves, and that rests at the end."""

    _frames: list[Any]

    def finish(self) -> None:
        rest = self._frames[1:]
        durations = [round(1000 / self.fps)] * len(rest) + [round(1000 * HOLD)]
        self._frames[0].save(
            self.outfile, save_all=True, append_images=rest, duration=durations, loop=0
        )


class _Page(PillowWriter):
    """A page with the frames inside.

    What moves has the id `MOVING`. All else, such as hundreds of points, is the same in every frame
    and most of its bytes: it is drawn once, and laid on top. Where nothing has the id, all moves.
    """

    _frames: list[Any]
    title: str

    def setup(self, fig: Any, outfile: Any, dpi: float | None = None) -> None:
        super().setup(fig, outfile, dpi)
        seen = [artist for artist in fig.findobj(_is_mark) if artist.get_visible()]
        moving = [artist for artist in seen if artist.get_gid() == MOVING]
        self._still = [artist for artist in seen if artist not in moving] if moving else []
        with _hidden([*moving, fig.patch]):
            file = BytesIO()
            fig.savefig(file, format="png", dpi=self.dpi, transparent=True)
        self._top = Image.open(file) if moving else Image.new("RGBA", (1, 1))

    def grab_frame(self, **options: Any) -> None:
        with _hidden(self._still):
            super().grab_frame(**options)

    def finish(self) -> None:
        frames = [_address(frame, quality=QUALITY) for frame in self._frames]
        width, height = self._frames[0].size
        page = pages.write(
            pages.part(pages.__name__, "movie.html"),
            title=self.title,
            last=len(frames) - 1,
            style=pages.part(pages.__name__, "movie.css"),
            script=pages.part(pages.__name__, "movie.js"),
            data={"frames": frames, "seconds": 1 / self.fps, "hold": HOLD},
            first=frames[0],
            top=_address(self._top, lossless=True),
            width=width,
            height=height,
        )
        Path(self.outfile).write_text(page, encoding="utf-8")


def _is_mark(artist: Artist) -> bool:
    """Whether an artist draws something itself, and is no ground on which others are drawn."""
    if isinstance(artist, Rectangle) and artist.get_facecolor() == WHITE:
        return False
    return isinstance(artist, AxesImage | Collection | Line2D | Patch | Text)


WHITE = (1.0, 1.0, 1.0, 1.0)


@contextmanager
def _hidden(artists: list[Artist]) -> Iterator[None]:
    for artist in artists:
        artist.set_visible(False)
    yield
    for artist in artists:
        artist.set_visible(True)


def _address(picture: Any, **options: Any) -> str:
    """A picture as an address that has all of it inside."""
    file = BytesIO()
    picture.save(file, format="webp", method=6, **options)
    return f"data:image/webp;base64,{b64encode(file.getvalue()).decode()}"


QUALITY = 80  # edges are still sharp; a PNG is several times larger

WRITERS: dict[str, Callable[..., Any]] = {
    ".gif": _Picture,
    ".html": _Page,
    ".mp4": FFMpegWriter,
    ".webp": _Picture,
}


@contextmanager
def _progress_bar(what: str, wanted: bool) -> Iterator[Callable[[int, int], None] | None]:
    if tqdm is None or not wanted:
        yield None
        return
    with tqdm(desc=what, unit="frame") as bar:

        def advance(_frame: int, total: int) -> None:
            bar.total = total
            bar.update()

        yield advance
