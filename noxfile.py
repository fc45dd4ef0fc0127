#!/usr/bin/env -S uv run --script
# /// script
# dependencies = ["nox>=2025.5.1"]
# ///
"""What is done to the code, each in an environment of its own: `nox` runs the defaults.

`nox --list` names them all. In an environment that already has the `dev` group,
`nox --no-venv --no-install` runs them there.
"""

import shutil
from pathlib import Path

import nox

nox.needs_version = ">=2025.5.1"
nox.options.default_venv_backend = "uv|virtualenv"

PROJECT = nox.project.load_toml("pyproject.toml")
TOOLS = nox.project.dependency_groups(PROJECT, "tools")
PYTHONS = nox.project.python_versions(PROJECT)


@nox.session
def lint(session: nox.Session) -> None:
    """Check rules, format, spelling, docstrings, dead code, dependencies and project files."""
    session.install("-e", ".[examples]", *TOOLS)
    session.run("ruff", "check", *session.posargs)
    session.run("ruff", "format", "--check")
    session.run("codespell")
    session.run("numpydoc", "lint", *map(str, Path("tinygrad_edu").rglob("*.py")))
    session.run("vulture")
    session.run("deptry", "tinygrad_edu", "examples")
    session.run("sp-repo-review", ".")


@nox.session
def typecheck(session: nox.Session) -> None:
    """Check the types with mypy, strictly."""
    session.install("-e", ".", *TOOLS)
    session.run("mypy", *session.posargs)


@nox.session
def imports(session: nox.Session) -> None:
    """Check that each floor imports only from the floors below."""
    session.install("-e", ".", *TOOLS)
    session.run("lint-imports", *session.posargs)


@nox.session(python=PYTHONS, default=False)
def tests(session: nox.Session) -> None:
    """Run the tests, and hold the core to its coverage."""
    session.install("-e", ".[examples,test]")
    session.run("pytest", *session.posargs, "--cov")


@nox.session
def quickstart(session: nox.Session) -> None:
    """Run the README's main job."""
    session.install("-e", ".[examples]")
    session.run("python", "examples/quickstart.py", *session.posargs)


@nox.session(default=False)
def benchmarks(session: nox.Session) -> None:
    """Time the library against hand-written NumPy, and against others that are installed."""
    session.install("-e", ".[test]")
    time_steps(session, *session.posargs)


def time_steps(session: nox.Session, *options: str) -> None:
    """Run the benchmarks, on one thread and in their order."""
    plugins = ("-p", "benchmark", "-p", "no:randomly", "--numprocesses=0", "--benchmark-only")
    names = ["MKL_NUM_THREADS", "NPROC", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"]  # NPROC: JAX
    threads = dict.fromkeys(names, "1") | {"XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false"}
    session.run("python", "-m", "pytest", *plugins, "tests/benchmarks", *options, env=threads)


@nox.session(default=False)
def docs(session: nox.Session) -> None:
    """Build the documentation, in full; or with `-- -t quick`, with quick runs of the examples.

    A warning is an error, all links are checked from disk, and the pages are looked at in a
    Chromium, if there is one: all of them, or after a quick build those that a reader meets first.
    """
    session.install("-e", ".[examples,docs]")
    site, kept = "docs/_build/html", "docs/_build/doctrees"
    shutil.rmtree(site, ignore_errors=True)  # pages of modules that are gone would stay
    session.run("sphinx-build", "-W", "--keep-going", "-d", kept, "docs", site, *session.posargs)
    session.run("python", "docs/check_links.py", site)
    looked_at = ["learn", "_explorers", "_playground"] if "quick" in session.posargs else []
    session.run("python", "docs/check_pages.py", site, *looked_at)


@nox.session(name="docs-measure", default=False)
def docs_measure(session: nox.Session) -> None:
    """Measure again what the page of benchmarks shows.

    With `-- torch jax mygrad autograd`, other libraries are installed and take part.
    """
    session.install("-e", ".[test]", *session.posargs)
    report = Path(session.create_tmp(), "benchmarks.json")
    time_steps(session, f"--benchmark-json={report}")
    session.run("python", "docs/measure/benchmarks.py", str(report))


@nox.session
def build(session: nox.Session) -> None:
    """Build the sdist and the wheel, and judge both, and the types that the wheel brings."""
    session.install(
        "basedpyright",
        "build",
        "check-sdist",
        "check-wheel-contents",
        "twine",
        "validate-pyproject[all]",
    )
    shutil.rmtree("dist", ignore_errors=True)
    session.run("validate-pyproject", "pyproject.toml")
    session.run("python", "-m", "build")
    session.run("twine", "check", "--strict", *map(str, Path("dist").iterdir()))
    if Path(".git").exists():  # it compares with what git knows
        session.run("check-sdist")
    session.run("check-wheel-contents", "dist")
    session.install(*built_wheel())
    session.run("basedpyright", "--verifytypes", "tinygrad_edu", "--ignoreexternal")


@nox.session(requires=["build"])
def wheel(session: nox.Session) -> None:
    """Run the README's examples where nothing but the wheel is installed."""
    session.install(*built_wheel())
    examples = Path("README.md").read_text(encoding="utf-8").replace("```", "")
    with session.chdir(session.create_tmp()):  # where there is no source to import by accident
        Path("examples.txt").write_text(examples, encoding="utf-8")
        session.run("python", "-m", "doctest", "-o", "NORMALIZE_WHITESPACE", "examples.txt")


def built_wheel() -> list[str]:
    """The wheel that `build` left."""
    return list(map(str, Path("dist").glob("*.whl")))


if __name__ == "__main__":
    nox.main()
