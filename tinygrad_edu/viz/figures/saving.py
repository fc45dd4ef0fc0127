"""Animations as files: pictures that move, pages with buttons, films."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from os import PathLike
from pathlib import Path
from typing import Any

from matplotlib.animation import FFMpegWriter, FuncAnimation, HTMLWriter, PillowWriter

try:
    from tqdm import tqdm
except ModuleNotFoundError:  # without tqdm there is no progress bar
    tqdm = None

__all__ = ["save_animation"]


def save_animation(
    animation: FuncAnimation,
    path: str | PathLike[str],
    *,
    fps: int = 5,
    dpi: int = 90,
    progress: bool = True,
) -> Path:
    """Save an animation; the suffix of the path says as what.

    Parameters
    ----------
    animation : FuncAnimation
        What `animate_training` returned.
    path : path
        With the suffix ``.gif`` (needs Pillow), ``.html`` (a page of its own, with buttons) or
        ``.mp4`` (needs ffmpeg).
    fps : int, optional
        Frames in a second.
    dpi : int, optional
        Pixels in an inch.
    progress : bool, optional
        Whether to show a progress bar, if tqdm is installed.

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
    if fps <= 0 or dpi <= 0:
        raise ValueError(f"fps and dpi must be positive; got fps={fps} and dpi={dpi}")
    path = Path(path)
    kind = path.suffix.lower()
    if kind not in WRITERS:
        raise ValueError(f"an animation is saved as {', '.join(WRITERS)}; got {path.name!r}")
    if kind == ".mp4" and not FFMpegWriter.isAvailable():
        raise RuntimeError("ffmpeg is not installed; save the animation as .gif or .html instead")
    path.parent.mkdir(parents=True, exist_ok=True)
    with _progress_bar(f"saving {path.name}", progress) as advance:
        animation.save(path, writer=WRITERS[kind](fps=fps), dpi=dpi, progress_callback=advance)
    if kind == ".html":
        page = path.read_text(encoding="utf-8")
        path.write_text(_without_network(page), encoding="utf-8")
    return path


def _page(fps: int) -> HTMLWriter:
    """The writer of pages, as ``to_jshtml`` sets it up: with the frames inside."""
    return HTMLWriter(fps=fps, embed_frames=True, default_mode="loop")


WRITERS: dict[str, Callable[..., Any]] = {
    ".gif": PillowWriter,
    ".html": _page,
    ".mp4": FFMpegWriter,
}

ICONS = {
    "minus": "−",
    "fast-backward": "◀◀",
    "step-backward": "|◀",
    "play fa-flip-horizontal": "◀",
    "pause": "❚❚",
    "play": "▶",
    "step-forward": "▶|",
    "fast-forward": "▶▶",
    "plus": "+",
}


def _without_network(page: str) -> str:
    """Matplotlib's page with characters on its buttons, instead of a font from the network."""
    page = re.sub(r'<link rel="stylesheet"\s+href="https://[^>]*>', "", page)
    for icon, character in ICONS.items():
        page = page.replace(f'<i class="fa fa-{icon}"></i>', character)
    return page


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
