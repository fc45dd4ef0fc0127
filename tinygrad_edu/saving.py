"""Save Tensors to a file and load them again: safe formats only, and never half a file."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Callable, Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path
from secrets import token_hex
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from tinygrad_edu.tensor import Tensor

__all__ = ["load", "save"]

Array = NDArray[Any]

NUMBERS = "fiubc"  # the kinds of dtypes that count as such


def save(path: str | os.PathLike[str], tensors: Mapping[str, Any]) -> None:
    """Write Tensors, arrays or numbers to a file, by name; also such mappings in mappings.

    A path that ends in ``.safetensors`` gets that format, for which the package ``safetensors``
    must be installed; one that ends in ``.npz`` gets NumPy's. Another path gets the first if its
    package is there, else the second.

    The file appears whole or not at all: if anything fails on the way, be it the power supply,
    what was there before is there still.

    Parameters
    ----------
    path : str or PathLike
        The file.
    tensors : mapping of str to Tensor, array_like or such a mapping
        Numbers or booleans; as ``module.state_dict()``, or several of these in one mapping.

    Raises
    ------
    TypeError
        If this is no mapping of names to arrays of numbers, text among them, or the format has no
        room for one.
    ModuleNotFoundError
        If the path asks for ``safetensors`` and it is not installed.
    OSError
        If the file cannot be written.

    Notes
    -----
    In the file, the name of an array in a mapping is the path to it, as ``model/layers.0.W``. In
    the parts of a path, ``~`` and ``/`` are written as ``~0`` and ``~1``, as in a JSON Pointer
    (RFC 6901). Other programs that read these formats find the arrays under such names.

    Examples
    --------
    >>> import tempfile
    >>> import tinygrad_edu as tg
    >>> layer = tg.nn.Linear(2, 1, init="constant")
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     tg.save(f"{folder}/layer.npz", layer.state_dict())
    ...     tg.load(f"{folder}/layer.npz")
    {'W': array([[1.],
           [1.]]), 'b': array([0.])}

    All that a training needs in order to go on, in one file:

    >>> optimizer = tg.optim.SGD(layer.parameters(), lr=0.1)
    >>> checkpoint = {"model": layer.state_dict(), "optimizer": optimizer.state_dict(), "epoch": 3}
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     tg.save(f"{folder}/checkpoint.npz", checkpoint)
    ...     loaded = tg.load(f"{folder}/checkpoint.npz")
    >>> layer.load_state_dict(loaded["model"])
    >>> optimizer.load_state_dict(loaded["optimizer"])
    >>> loaded["epoch"]
    array(3)
    """
    arrays = _arrays(tensors)
    path = Path(path).resolve()  # so that a link stays, and what it points to is replaced
    if not path.parent.is_dir():
        raise FileNotFoundError(f"there is no folder {path.parent} to save {path.name} in")
    write = _writer(path)
    temporary = path.with_name(f".{path.name}.{token_hex(4)}.tmp")
    try:
        with temporary.open("xb") as file:
            write(file, arrays)
            file.flush()
            os.fsync(file.fileno())  # on the disk, before it takes the place of the old file
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)


def load(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Read a file that `save` wrote. The format is recognized by the content; no code is ever run.

    Parameters
    ----------
    path : str or PathLike
        The file, safetensors or ``.npz``.

    Returns
    -------
    dict of str to ndarray or such a dict
        The arrays by name, as for ``module.load_state_dict``; nested as they were saved. A number
        comes back as an array without dimensions.

    Raises
    ------
    ValueError
        If the file is damaged, or is no file of arrays of numbers. Pickled objects are refused.
    ModuleNotFoundError
        If it is a safetensors file, and ``safetensors`` is not installed.
    OSError
        If the file cannot be read.
    """
    path = Path(path)
    with path.open("rb") as file:
        head = file.read(9)
    if head.startswith(b"PK"):
        read = _read_npz
    elif head.endswith(b"{"):
        read = _read_safetensors
    else:
        raise ValueError(f"{path} is neither a .npz nor a safetensors file")
    try:
        arrays = read(path)
    except (ModuleNotFoundError, MemoryError):
        raise
    except Exception as error:
        raise ValueError(f"{path} is damaged, or no file of arrays: {error}") from error
    for name, array in arrays.items():
        if array.dtype.kind not in NUMBERS:
            raise ValueError(f"{path} holds no numbers: {name} is of dtype {array.dtype}")
    try:
        return _nested(arrays)
    except ValueError as error:
        raise ValueError(f"{path} {error}") from None


def _arrays(tensors: Any) -> dict[str, Array]:
    if not isinstance(tensors, Mapping):
        raise TypeError(
            f"save takes a mapping of names to Tensors; got {type(tensors).__name__}. Of a module, "
            "save its .state_dict()"
        )
    return {path: _numbers(path, x) for path, x in _flat(tensors)}


# --- nested mappings: the path to each array ------------------------------------------------------

EMPTY = "~"  # the last part of the path to a mapping with nothing in it; no name is written so


def _flat(tensors: Mapping[Any, Any], folder: str = "") -> Iterator[tuple[str, Any]]:
    for name, x in tensors.items():
        if not isinstance(name, str) or not _can_be_written(name):
            raise TypeError(
                f"save takes names that can be written in UTF-8, without NUL; got {name!r}"
            )
        path = folder + name.replace("~", "~0").replace("/", "~1")
        if not isinstance(x, Mapping):
            yield path, x
        elif x:
            yield from _flat(x, f"{path}/")
        else:
            yield f"{path}/{EMPTY}", np.zeros(0)


def _nested(arrays: dict[str, Array]) -> dict[str, Any]:
    tree: dict[str, Any] = {}
    for path, array in arrays.items():
        *folders, last = path.split("/")
        place: Any = tree
        for folder in folders:
            place = place.setdefault(_name(folder), {}) if isinstance(place, dict) else place
        if not isinstance(place, dict) or _name(last) in place:
            raise ValueError(f"holds both an array and a mapping at, or on the way to, {path}")
        if not (folders and last == EMPTY):
            place[_name(last)] = array
    return tree


def _name(part: str) -> str:
    return part.replace("~1", "/").replace("~0", "~")


def _can_be_written(name: str) -> bool:
    return "\0" not in name and not any("\ud800" <= c <= "\udfff" for c in name)


def _numbers(name: str, x: Any) -> Array:
    try:
        array = np.array(x.data if isinstance(x, Tensor) else x, order="C", copy=None)
    except ValueError as error:  # lists of several lengths
        raise TypeError(f"save takes arrays of numbers; {name!r} is none: {error}") from None
    if array.dtype.kind not in NUMBERS:
        raise TypeError(
            "save takes arrays of numbers; "
            f"got {name!r} with {type(x).__name__} of dtype {array.dtype}"
        )
    return array


def _writer(path: Path) -> Callable[[IO[bytes], dict[str, Array]], None]:
    if path.suffix == ".npz":
        return _write_npz
    if find_spec("safetensors"):
        return _write_safetensors
    if path.suffix == ".safetensors":
        raise ModuleNotFoundError(
            "safetensors is not installed; do: pip install safetensors, or save to a .npz file"
        )
    return _write_npz


# --- NumPy's format: a zip archive with a member "name.npy" for each array --------------------

# As numpy.savez and numpy.load, which however have no room for arrays named "file", and take one
# named "x.npy" for the one named "x".


def _write_npz(file: IO[bytes], arrays: dict[str, Array]) -> None:
    with zipfile.ZipFile(file, "w") as archive:
        for name, array in arrays.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                np.lib.format.write_array(member, array, allow_pickle=False)


def _read_npz(path: Path) -> dict[str, Array]:
    arrays = {}
    with zipfile.ZipFile(path) as archive:
        for entry in archive.infolist():
            name = entry.filename.removesuffix(".npy")
            if name == entry.filename:
                raise TypeError(f"{name} is no array")
            with archive.open(entry) as member:
                arrays[name] = np.lib.format.read_array(member, allow_pickle=False)
                if member.read(1):
                    raise ValueError(f"{name} is longer than its array")
    return arrays


# --- safetensors -----------------------------------------------------------------------------


def _write_safetensors(file: IO[bytes], arrays: dict[str, Array]) -> None:
    from safetensors import SafetensorError, numpy  # noqa: PLC0415 - an optional package

    if "__metadata__" in arrays:
        raise TypeError(
            "safetensors keeps the name __metadata__ for itself. Save to a .npz file instead"
        )
    try:
        file.write(numpy.save(arrays))
    except SafetensorError as error:
        raise TypeError(f"{error}. Save to a .npz file instead") from error


def _read_safetensors(path: Path) -> dict[str, Array]:
    if not find_spec("safetensors"):
        raise ModuleNotFoundError(f"to read {path}, do: pip install safetensors")
    from safetensors import numpy  # noqa: PLC0415 - an optional package

    return numpy.load(path.read_bytes())  # type: ignore[no-any-return,unused-ignore]


def _sync_folder(folder: Path) -> None:
    """Have the new name of the file on the disk, too, where the system can do that."""
    if os.name == "posix":
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
