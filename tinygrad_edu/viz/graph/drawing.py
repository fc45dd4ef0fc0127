"""Graphviz pictures without a system Graphviz: the one inside pygraphviz draws, in process."""

from __future__ import annotations

import threading
import webbrowser
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from os import PathLike
from pathlib import Path
from shutil import which
from typing import TYPE_CHECKING, Any

from graphviz import ENGINES, FORMATS

from tinygrad_edu.viz.graph.palette import STYLE
from tinygrad_edu.viz.graph.tikz import tikz

__all__ = ["Drawing"]

INSTALL = (
    "Graphviz is needed to draw this graph, and pygraphviz has it: pip install pygraphviz; or "
    "install the system's, on Debian by apt-get install graphviz"
)

_one_at_a_time = threading.Lock()  # Graphviz as a library keeps global state


if TYPE_CHECKING:

    class _Digraph:
        """`graphviz.Digraph`, which comes without types: those of what is used here."""

        source: str
        format: str
        engine: str

        def __init__(self, name: str, **attributes: Any) -> None: ...
        def attr(self, _element: str = "", /, **attributes: str) -> None: ...
        def node(self, name: str, **attributes: str) -> None: ...
        def edge(self, _tail: str, _head: str, /, **attributes: str) -> None: ...
        def subgraph(self, graph: _Digraph | None = None) -> AbstractContextManager[_Digraph]: ...
        def save(
            self,
            filename: str | PathLike[str] | None = None,
            directory: str | PathLike[str] | None = None,
        ) -> str: ...
        def pipe(
            self, format: str | None = None, *, engine: str | None = None, **options: Any
        ) -> Any: ...
        def _repr_mimebundle_(
            self, include: Iterable[str] | None, exclude: Iterable[str] | None, **options: Any
        ) -> dict[str, Any]: ...
        def __getattr__(self, name: str) -> Any: ...

else:
    from graphviz import Digraph as _Digraph


class Drawing(_Digraph):
    """A ``graphviz.Digraph`` that draws itself wherever there is some Graphviz.

    ``pipe``, ``render``, ``view`` and notebooks use ``dot`` where it is on PATH, else the Graphviz
    inside the ``pygraphviz`` wheel. With neither, a notebook shows the DOT source and what to
    install; the other methods raise.

    Beside Graphviz's formats there are ``"tex"``, TikZ for papers, and ``"mmd"``, Mermaid for
    Markdown; and ``"gv"`` is the DOT source as it is.

    Attributes
    ----------
    mermaid : callable or None
        Writes the graph in Mermaid.
    """

    mermaid: Callable[[], str] | None = None

    def pipe(
        self,
        format: str | None = None,
        *,
        engine: str | None = None,
        encoding: str | None = None,
        **options: Any,
    ) -> Any:
        """Return the picture as bytes, or as text in an encoding; see ``graphviz.Digraph.pipe``."""
        format = format or self.format
        picture: bytes
        if format == "tex":
            picture = tikz(self.pipe("json", engine=engine, encoding="utf-8")).encode()
        elif format == "mmd" and self.mermaid is not None:
            picture = self.mermaid().encode()
        elif format == "gv":
            picture = self.source.encode()
        elif which(engine or self.engine):
            picture = super().pipe(format, engine=engine, **options)
        else:
            picture = _draw(self.source, format, engine or self.engine)
        if format == "svg":
            picture = _add_dark_colors(picture)
        return picture.decode(encoding) if encoding else picture

    def write(self, path: str | PathLike[str]) -> Path:
        """Write the picture to a file, in the format that the suffix of its path says."""
        path = Path(path)
        if not path.suffix:
            raise ValueError(f"the suffix of {path.name!r} must say what to write, as in graph.svg")
        picture = self.pipe(path.suffix[1:].lower())
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(picture)
        return path

    def render(
        self,
        filename: str | PathLike[str] | None = None,
        directory: str | PathLike[str] | None = None,
        view: bool = False,
        cleanup: bool = False,
        format: str | None = None,
        *,
        outfile: str | PathLike[str] | None = None,
        **options: Any,
    ) -> str:
        """Write the DOT source and the picture to files; see ``graphviz.Digraph.render``."""
        if outfile is not None:
            format = format or Path(outfile).suffix[1:].lower()
            filename = filename or Path(outfile).with_suffix(".gv")
        picture = self.pipe(format, **options)
        source = self.save(filename, directory=directory)
        target = Path(outfile or f"{source}.{format or self.format}")
        target.write_bytes(picture)
        if cleanup:
            Path(source).unlink()
        if view:
            webbrowser.open(target.resolve().as_uri())
        return str(target)

    def _repr_mimebundle_(
        self,
        include: Iterable[str] | None = None,
        exclude: Iterable[str] | None = None,
        **options: Any,
    ) -> dict[str, Any]:
        """What a notebook shows: the picture, or else the source and what is missing."""
        try:
            return super()._repr_mimebundle_(include, exclude, **options)
        except Exception as error:  # noqa: BLE001 - a repr shows what it can
            return {"text/plain": f"{self.source}\n{error}"}


def _draw(source: str, format: str, engine: str) -> bytes:
    """Have the Graphviz inside pygraphviz draw a DOT source."""
    if format not in FORMATS:  # pygraphviz's own error gives no reason
        raise ValueError(f"Graphviz draws svg, png, pdf and many others; got {format!r}")
    if engine not in ENGINES:
        raise ValueError(f"engine must be one of {', '.join(sorted(ENGINES))}; got {engine!r}")
    try:
        import pygraphviz  # noqa: PLC0415 - optional
    except ImportError as error:  # not there, or without a system library that it needs
        raise RuntimeError(f"{INSTALL} ({error})") from error
    with _one_at_a_time:
        graph = pygraphviz.AGraph(string=source)
        try:
            picture: bytes = graph.draw(format=format, prog=engine)
        finally:
            graph.close()
    return picture


def _add_dark_colors(svg: bytes) -> bytes:
    """Add rules for readers who prefer dark pages: the cards are dark there."""
    end_of_tag = svg.index(b">", svg.index(b"<svg")) + 1
    return svg[:end_of_tag] + b"\n" + STYLE.encode() + b"\n" + svg[end_of_tag:]
