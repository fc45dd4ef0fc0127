"""How Sphinx builds the documentation: `nox -s docs`."""

import tinygrad_edu

project = "tinygrad_edu"
author = "The tinygrad_edu authors"
copyright = "2026, The tinygrad_edu authors"  # noqa: A001 - Sphinx's name
release = version = tinygrad_edu.__version__

extensions = [
    "myst_parser",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx_copybutton",
]
autodoc_typehints = "none"  # the docstrings say more
numpydoc_class_members_toctree = False

html_theme = "pydata_sphinx_theme"
