"""Graphviz pictures without a system Graphviz: the one inside pygraphviz does, in process."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from os import PathLike
from pathlib import Path
from shutil import which
from typing import Any

import graphviz

__all__ = ["Drawing"]

INSTALL = "Graphviz is needed to draw this graph; do: pip install pygraphviz  (its wheel contains Graphviz)"
_one_at_a_time = threading.Lock()  # Graphviz as a library keeps global state


class Drawing(graphviz.Digraph):  # type: ignore[misc]  # graphviz comes without types
    """A ``graphviz.Digraph`` that draws itself wherever there is some Graphviz.

    ``pipe``, ``render``, ``view`` and notebooks use ``dot`` where it is on PATH, else the Graphviz
    inside the ``pygraphviz`` wheel. With neither, a notebook shows the DOT source and what to
    install; the other methods raise.
    """

    def pipe(
        self,
        format: str | None = None,
        renderer: str | None = None,
        formatter: str | None = None,
        neato_no_op: bool | int | None = None,
        quiet: bool = False,
        *,
        engine: str | None = None,
        encoding: str | None = None,
    ) -> Any:
        """Return the picture as bytes, or with an encoding as text; see `graphviz.Digraph.pipe`."""
        if which(engine or self.engine):
            return super().pipe(
                format,
                renderer=renderer,
                formatter=formatter,
                neato_no_op=neato_no_op,
                quiet=quiet,
                engine=engine,
                encoding=encoding,
            )
        picture = _draw(self.source, format or self.format, engine or self.engine)
        return picture.decode(encoding) if encoding else picture

    def render(
        self,
        filename: str | PathLike[str] | None = None,
        directory: str | PathLike[str] | None = None,
        view: bool = False,
        cleanup: bool = False,
        format: str | None = None,
        *args: Any,
        outfile: str | PathLike[str] | None = None,
        engine: str | None = None,
        **options: Any,
    ) -> str:
        """Write the DOT source and the picture to files; see `graphviz.Digraph.render`."""
        if which(engine or self.engine):
            return str(
                super().render(
                    filename,
                    directory,
                    view,
                    cleanup,
                    format,
                    *args,
                    outfile=outfile,
                    engine=engine,
                    **options,
                )
            )
        if outfile is not None:
            format = format or Path(outfile).suffix.removeprefix(".")
            filename = filename or f"{Path(outfile).with_suffix('')}.gv"
        picture = self.pipe(format, engine=engine)
        source = Path(self.save(filename, directory))
        target = Path(outfile) if outfile is not None else Path(f"{source}.{format or self.format}")
        target.write_bytes(picture)
        if cleanup:
            source.unlink()
        if view:
            self._view(str(target), format=format or self.format, quiet=True)
        return str(target)

    def _repr_mimebundle_(
        self,
        include: Iterable[str] | None = None,
        exclude: Iterable[str] | None = None,
        **options: Any,
    ) -> dict[str, Any]:
        """What a notebook shows: the picture, or else the source and what is missing."""
        try:
            bundle: dict[str, Any] = super()._repr_mimebundle_(include, exclude, **options)
        except Exception as error:  # noqa: BLE001 - a repr shows what it can
            return {"text/plain": f"{error}\n\n{self.source}"}
        return bundle


def _draw(source: str, format: str, engine: str) -> bytes:
    """Have the Graphviz inside pygraphviz draw a DOT source."""
    try:
        import pygraphviz  # noqa: PLC0415 - optional
    except ImportError:
        raise RuntimeError(INSTALL) from None
    with _one_at_a_time:
        graph = pygraphviz.AGraph(string=source)
        try:
            picture: bytes = graph.draw(format=format, prog=engine)
        finally:
            graph.close()
    return picture
