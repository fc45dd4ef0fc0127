"""How Sphinx builds the documentation: `nox -s docs`.

It runs the studies of the gallery in full, for some twenty minutes. To see what you write, run
them quickly: `nox -s docs -- -t quick`.
"""

import os
import sys
from importlib.metadata import distribution
from pathlib import Path

import tinygrad_edu

sys.path[:0] = [str(Path(__file__).parent / folder) for folder in ("_ext", "measure", "playground")]

import core  # noqa: E402 - of the folder measure

os.environ["TQDM_DISABLE"] = "1"  # a progress bar moves, and a page does not

project = "tinygrad_edu"
author = "The tinygrad_edu authors"
copyright = "2026, The tinygrad_edu authors"  # noqa: A001 - Sphinx's name
release = version = tinygrad_edu.__version__

extensions = [
    "myst_nb",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.mathjax",
    "sphinx.ext.viewcode",
    "sphinx_copybutton",
    "sphinx_design",
    "sphinx_gallery.gen_gallery",
    # Our own, in _ext:
    "gallery",
    "methods",
    "names_elsewhere",
    "op_pages",
    "pictures",
    "playground",
    "steps",
]
exclude_patterns = ["_build"]

# Pages
myst_enable_extensions = ["colon_fence", "deflist", "dollarmath", "substitution"]
myst_substitutions = {"core": core.table()}  # counted whenever the pages are built
myst_heading_anchors = 3
nb_execution_mode = "force"
nb_execution_raise_on_error = True
nb_merge_streams = True
nb_output_stderr = "remove"  # what libraries of the machine have to say

# Docstrings
default_role = "py:obj"
autodoc_typehints = "none"  # the docstrings say more
autodoc_member_order = "bysource"
numpydoc_show_class_members = False
add_module_names = False
toc_object_entries_show_parents = "hide"
viewcode_line_numbers = True

# Examples
quick = tags.has("quick")  # noqa: F821 - Sphinx's
sphinx_gallery_conf = {
    "examples_dirs": "../examples",
    "gallery_dirs": "gallery",
    "filename_pattern": r"\.py$",
    "ignore_pattern": r"(^|[/\\])_",  # what examples share
    "reset_argv": "gallery.quick_arguments" if quick else "gallery.arguments",
    "run_stale_examples": not quick,  # what has run quickly has not run
    "image_scrapers": ("gallery.written_pictures",),
    "within_subsection_order": "gallery.teaching_order",
    "abort_on_example_error": True,
    "download_all_examples": False,
    "notebook_extensions": set(),  # the scripts have command lines
    "remove_config_comments": True,
    "show_memory": False,
    "write_computation_times": False,
    "show_signature": False,
}

# What is copied with code: not the prompts, not the output.
copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True

# Mathematics: one file, copied from an installed package, so that pages need no network.
mathjax_path = "tex-svg.js"
mathjax3_config = {"options": {"enableMenu": False}}
_mathjax = distribution("sphinx-mathjax-offline").locate_file(
    f"sphinx-mathjax-offline/static/mathjax/{mathjax_path}"
)

html_theme = "pydata_sphinx_theme"
html_title = "tinygrad_edu"
html_static_path = ["_static", str(_mathjax)]
html_css_files = ["site.css"]
html_js_files = ["site.js"]
html_favicon = "_static/favicon.svg"
html_copy_source = html_show_sourcelink = False
# In their sections:
ALONE = ["benchmarks", "coming_from", "playground", "start_here", "your_own_op"]
html_sidebars = {page: [] for page in ALONE}
html_context = {"default_mode": "auto"}
html_theme_options = {
    "navbar_align": "left",
    "navbar_end": ["theme-switcher"],
    "header_links_before_dropdown": 8,
    "show_prev_next": True,
    "secondary_sidebar_items": {
        "**": ["page-toc"],
        **{page: [] for page in ["benchmarks", "inside/hard_points", "playground"]},  # wide
    },
    "footer_start": ["copyright"],
    "footer_end": ["sphinx-version"],
    "back_to_top_button": False,
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
}
