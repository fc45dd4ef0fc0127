"""Saving: what comes back is what was saved; damage and strangers are met with clear errors."""

import io
import os
import pickle
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import tinygrad_edu as tg
from tinygrad_edu import saving

SUFFIXES = [".npz", ".safetensors"]
every_format = pytest.mark.parametrize("suffix", SUFFIXES)

dtypes = st.sampled_from(["f2", "f4", "f8", "i1", "i4", "i8", "u2", "?", "c8"])
arrays = hnp.arrays(dtypes, hnp.array_shapes(min_dims=0, min_side=0, max_side=4))
names = st.text(st.characters(codec="utf-8", exclude_characters="\0\\"), max_size=8)
known_names = st.sampled_from(["", "file", "a", "a.npy", "a.npy.npy", "layers.0.W", "../a", "a/b"])


@pytest.fixture(autouse=True)
def _installed(request):
    if "safetensors" in request.node.name:
        pytest.importorskip("safetensors")


def assert_equal(found, expected):
    assert found.keys() == expected.keys()
    for name, x in expected.items():
        assert found[name].dtype == x.dtype
        assert found[name].shape == x.shape
        np.testing.assert_array_equal(found[name], x)


@every_format
@given(tensors=st.dictionaries(names | known_names, arrays))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
def test_what_comes_back_is_what_was_saved(tmp_path, suffix, tensors):
    path = tmp_path / f"file{suffix}"
    tg.save(path, tensors)
    assert_equal(tg.load(path), tensors)


def flat(tree, path=()):
    """The arrays of nested mappings by the tuple of names, and mappings with nothing in them."""
    if isinstance(tree, dict) and (tree or path):
        return {path: {}} | {k: v for n, x in tree.items() for k, v in flat(x, (*path, n)).items()}
    return {path: tree}


parts = st.text(st.sampled_from("a01.~/ "), max_size=4) | known_names | names
trees = st.recursive(arrays, lambda tree: st.dictionaries(parts, tree, max_size=4), max_leaves=8)


@every_format
@given(tree=st.dictionaries(parts, trees, max_size=5))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
def test_mappings_in_mappings_come_back_whatever_the_names(tmp_path, suffix, tree):
    path = tmp_path / f"file{suffix}"
    if suffix == ".safetensors":
        tree.pop("__metadata__", None)
    tg.save(path, tree)
    found, expected = flat(tg.load(path)), flat(tree)
    assert found.keys() == expected.keys()
    for name, x in expected.items():
        if isinstance(x, dict):
            assert isinstance(found[name], dict)
        else:
            assert_equal({"": found[name]}, {"": x})


@every_format
def test_names_in_the_file_are_paths(tmp_path, suffix):
    path = tmp_path / f"file{suffix}"
    one = np.ones(1)
    tree = {"model": {"layers.0.W": one, "a/b": one, "~1": one}, "epoch": 3, "none": {}}
    tg.save(path, tree)
    read = saving._read_npz if suffix == ".npz" else saving._read_safetensors
    names = ["model/layers.0.W", "model/a~1b", "model/~01", "epoch", "none/~"]
    assert {*read(path)} == {*names}
    assert tg.load(path)["epoch"] == 3
    assert tg.load(path)["epoch"].shape == ()


def test_any_mapping_counts_as_one(tmp_path):
    history = tg.History({"epoch": [0, 1], "loss": [0.5, 0.25]})
    tg.save(tmp_path / "file", {"history": history, "flag": True, "rate": 0.1})
    found = tg.load(tmp_path / "file")
    assert found["history"]["loss"].tolist() == [0.5, 0.25]
    assert (found["flag"].dtype, found["rate"].item()) == (bool, 0.1)


@pytest.mark.parametrize("names", [("a", "a/b"), ("a/b", "a"), ("a", "a/b/c"), ("x~1y", "x/y~")])
def test_paths_of_others_that_contradict_each_other_are_refused(tmp_path, names):
    arrays = {name: np.ones(2) for name in names}
    np.savez(tmp_path / "file.npz", **arrays)
    if names[0] == "x~1y":
        assert {*tg.load(tmp_path / "file.npz")} == {"x/y", "x"}
        return
    with pytest.raises(ValueError, match=r"file.npz holds both an array and a mapping at.* to, a"):
        tg.load(tmp_path / "file.npz")


@every_format
def test_the_memory_layout_does_not_matter(tmp_path, suffix):
    x = np.arange(24.0).reshape(2, 3, 4)
    tensors = {"T": x.T, "strided": x[:, ::2], "fortran": np.asfortranarray(x)}
    tg.save(tmp_path / f"file{suffix}", tensors)
    assert_equal(tg.load(tmp_path / f"file{suffix}"), tensors)


@every_format
def test_a_network_goes_on_learning_where_it_was(tmp_path, suffix):
    def make(seed):
        network = tg.nn.MLP([2, 3, 1], "tanh", rng=seed)
        return network, tg.optim.Adam(network.parameters())

    def step(network, optimizer):
        network.zero_grad()
        (network(np.ones((4, 2))) ** 2).mean().backward()
        optimizer.step()

    network, optimizer = make(0)
    step(network, optimizer)
    tg.save(tmp_path / f"network{suffix}", network.state_dict())
    tg.save(tmp_path / f"optimizer{suffix}", optimizer.state_dict())
    twin, its_optimizer = make(1)
    twin.load_state_dict(tg.load(tmp_path / f"network{suffix}"))
    its_optimizer.load_state_dict(tg.load(tmp_path / f"optimizer{suffix}"))
    step(network, optimizer)
    step(twin, its_optimizer)
    assert_equal(twin.state_dict(), network.state_dict())


def test_the_format_follows_suffix_and_packages(tmp_path, monkeypatch):
    def is_zip(name):
        tg.save(tmp_path / name, {"x": np.ones(2)})
        assert_equal(tg.load(tmp_path / name), {"x": np.ones(2)})  # told by the content
        return zipfile.is_zipfile(tmp_path / name)

    pytest.importorskip("safetensors")
    assert is_zip("a.npz")
    assert not is_zip("a.safetensors")
    assert not is_zip("a")
    monkeypatch.setattr(saving, "find_spec", lambda _: None)
    assert is_zip("b.npz")
    assert is_zip("b")
    with pytest.raises(ModuleNotFoundError, match="pip install safetensors, or save to"):
        tg.save(tmp_path / "b.safetensors", {"x": np.ones(2)})
    with pytest.raises(ModuleNotFoundError, match="pip install safetensors"):
        tg.load(tmp_path / "a.safetensors")


def test_what_is_loaded_can_be_written_to(tmp_path):
    tg.save(tmp_path / "a", {"x": np.zeros(2)})
    tg.load(tmp_path / "a")["x"][0] = 1.0


# --- never half a file ---------------------------------------------------------------------------


class DiskFullError(OSError):
    """There is no room for the rest of the file."""


@every_format
@pytest.mark.parametrize("fails", ["write", "fsync", "replace"])
def test_a_failure_on_the_way_leaves_the_old_file(tmp_path, monkeypatch, suffix, fails):
    path = tmp_path / f"file{suffix}"
    tg.save(path, {"x": np.zeros(3)})

    def fail(*_):
        raise DiskFullError

    def write_half(file, _):
        file.write(b"PK half a file")
        raise DiskFullError

    if fails == "write":
        writer = "_write_npz" if suffix == ".npz" else "_write_safetensors"
        monkeypatch.setattr(saving, writer, write_half)
    elif fails == "fsync":
        monkeypatch.setattr(os, "fsync", fail)
    else:
        monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(DiskFullError):
        tg.save(path, {"x": np.ones(3)})
    assert_equal(tg.load(path), {"x": np.zeros(3)})
    assert [*tmp_path.iterdir()] == [path]


@pytest.mark.skipif(os.name != "posix", reason="folders can be synchronized on POSIX systems only")
def test_file_and_name_are_on_the_disk_when_it_returns(tmp_path, monkeypatch):
    synchronized = []
    monkeypatch.setattr(
        os, "fsync", lambda fd: synchronized.append(os.path.samestat(os.fstat(fd), tmp_path.stat()))
    )
    tg.save(tmp_path / "file.npz", {"x": np.zeros(3)})
    assert synchronized == [False, True]


def test_a_crash_in_the_middle_leaves_the_old_file(tmp_path):
    path = tmp_path / "file.npz"
    tg.save(path, {"x": np.zeros(3)})
    crash = f"""
import os
import numpy as np
import tinygrad_edu as tg
from tinygrad_edu import saving

def write_half(file, arrays):
    file.write(b"PK half a file")
    file.flush()
    os._exit(9)

saving._write_npz = write_half
tg.save({str(path)!r}, {{"x": np.ones(3)}})
"""
    assert subprocess.run([sys.executable, "-c", crash], check=False).returncode == 9
    assert_equal(tg.load(path), {"x": np.zeros(3)})


def test_a_link_stays_a_link(tmp_path):
    target, link = tmp_path / "target.npz", tmp_path / "link.npz"
    tg.save(target, {"x": np.zeros(3)})
    link.symlink_to(target)
    tg.save(link, {"x": np.ones(3)})
    assert link.is_symlink()
    assert_equal(tg.load(target), {"x": np.ones(3)})


# --- damage and strangers --------------------------------------------------------------------


@every_format
@pytest.mark.parametrize("keep", [0.2, 0.5, 0.95])
def test_a_truncated_file_is_refused(tmp_path, suffix, keep):
    path = tmp_path / f"file{suffix}"
    tg.save(path, {"x": np.arange(100.0), "y": np.ones((3, 3))})
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * keep)])
    with pytest.raises(ValueError, match=f"file{suffix} is damaged"):
        tg.load(path)


def test_a_flipped_bit_is_noticed(tmp_path):
    path = tmp_path / "file.npz"
    tg.save(path, {"x": np.arange(100.0)})
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(ValueError, match="is damaged"):
        tg.load(path)


class Bomb:
    """Runs code when it is unpickled."""

    exploded = False

    def __reduce__(self):
        return setattr, (Bomb, "exploded", True)


def test_no_code_runs(tmp_path):
    as_object = np.array([Bomb()], dtype=object)
    np.savez(tmp_path / "objects.npz", x=as_object)
    np.save(tmp_path / "object.npy", as_object)
    (tmp_path / "pickle.npz").write_bytes(pickle.dumps(Bomb()))
    with zipfile.ZipFile(tmp_path / "member.npz", "w") as archive:
        archive.writestr("x.npy", pickle.dumps(Bomb()))
    for path in tmp_path.iterdir():
        with pytest.raises(ValueError, match=rf"{path.name} is (damaged|neither)"):
            tg.load(path)
    assert not Bomb.exploded


@pytest.mark.parametrize(
    "content",
    [b"", b"PK", b"hello", b"\x93NUMPY", b"\0" * 8 + b"{", b"\xff" * 8 + b"{}", bytes(100)],
    ids=["empty", "zip", "text", "npy", "safetensors", "safetensors too short", "zeros"],
)
def test_a_foreign_file_is_refused(tmp_path, content):
    path = tmp_path / "stranger"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"stranger is (damaged|neither)"):
        tg.load(path)


def test_an_archive_of_something_else_is_refused(tmp_path):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("word/document.xml", "<xml/>")
    (tmp_path / "letter.docx").write_bytes(buffer.getvalue())
    with pytest.raises(ValueError, match=r"word/document\.xml is no array"):
        tg.load(tmp_path / "letter.docx")


@pytest.mark.parametrize(
    ("tensors", "message"),
    [
        (tg.nn.Linear(2, 3), "got Linear. Of a module, save its .state_dict"),
        ([np.ones(3)], "got list"),
        ({1: np.ones(3)}, "names .* got 1"),
        ({"a\0b": np.ones(3)}, r"without NUL; got 'a\\x00b'"),
        ({"a\ud800": np.ones(3)}, r"in UTF-8, without NUL; got 'a\\ud800'"),
        ({"x": [[1.0], [2.0, 3.0]]}, "'x' is none: .*inhomogeneous"),
        ({"x": None}, "got 'x' with NoneType of dtype object"),
        ({"x": "text"}, "got 'x' with str of dtype <U4"),
        ({"x": [Bomb()]}, "of dtype object"),
        ({"x": 2**70}, "got 'x' with int of dtype object"),
        ({"model": {"note": "text"}}, "got 'model/note' with str of dtype <U4"),
        ({"model": {"a": {2: 1.0}}}, "names .* got 2"),
        ({"models": [{"W": np.ones(1)}]}, "got 'models' with list of dtype object"),
    ],
)
def test_what_cannot_be_saved_is_refused_and_nothing_is_written(tmp_path, tensors, message):
    with pytest.raises(TypeError, match=message):
        tg.save(tmp_path / "file.npz", tensors)
    assert not [*tmp_path.iterdir()]


def test_an_array_whose_name_is_that_of_another_ones_member(tmp_path):
    tensors = {"a": np.ones(1), "a.npy": np.zeros(2)}
    tg.save(tmp_path / "file.npz", tensors)
    assert_equal(tg.load(tmp_path / "file.npz"), tensors)


def test_a_name_that_safetensors_keeps_for_itself(tmp_path):
    pytest.importorskip("safetensors")
    tensors = {"__metadata__": np.ones(2)}
    with pytest.raises(TypeError, match=r"__metadata__ for itself. Save to a .npz file instead"):
        tg.save(tmp_path / "a.safetensors", tensors)
    assert not [*tmp_path.iterdir()]
    tg.save(tmp_path / "a.npz", tensors)
    assert_equal(tg.load(tmp_path / "a.npz"), tensors)


def test_arrays_of_something_else_are_refused(tmp_path):
    np.savez(tmp_path / "words.npz", x=np.ones(2), y=np.array(["a", "word"]))
    with pytest.raises(ValueError, match=r"words.npz holds no numbers: y is of dtype <U4"):
        tg.load(tmp_path / "words.npz")


def test_an_array_with_something_behind_it_is_refused(tmp_path):
    np.save(tmp_path / "x.npy", np.ones(2))
    with zipfile.ZipFile(tmp_path / "file.npz", "w") as archive:
        archive.writestr("x.npy", (tmp_path / "x.npy").read_bytes() + b"more")
    with pytest.raises(ValueError, match=r"file.npz is damaged.* x is longer than its array"):
        tg.load(tmp_path / "file.npz")


@pytest.mark.parametrize("write", [np.savez, np.savez_compressed])
def test_what_numpy_saved_is_read(tmp_path, write):
    tensors = {"a": np.arange(6.0).reshape(2, 3), "b": np.array(1), "c": np.zeros((0, 2), "f4")}
    write(tmp_path / "theirs.npz", **tensors)
    assert_equal(tg.load(tmp_path / "theirs.npz"), tensors)
    tg.save(tmp_path / "ours.npz", tensors)
    with np.load(tmp_path / "ours.npz") as archive:
        assert_equal(dict(archive), tensors)


def test_a_number_that_safetensors_does_not_know(tmp_path):
    pytest.importorskip("safetensors")
    with pytest.raises(TypeError, match=r"complex128.*Save to a .npz file instead"):
        tg.save(tmp_path / "a.safetensors", {"x": np.ones(2, complex)})
    tg.save(tmp_path / "a.npz", {"x": np.ones(2, complex)})


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(FileNotFoundError):
        tg.load(tmp_path / "nothing.npz")


def test_a_folder_that_is_not_there(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no folder .*nowhere to save file.npz in"):
        tg.save(tmp_path / "nowhere" / "file.npz", {"x": np.ones(2)})
