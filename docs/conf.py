"""Sphinx: MyST pages, furo, every warning an error. Reference pages are written anew before each build."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import generate
from sphinx.ext.napoleon import GoogleDocstring

from ecomtrack_sdk import __version__, errors

project = "ecomtrack-sdk"
copyright = "the ecomtrack-sdk authors"  # noqa: A001
release = version = __version__
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
source_suffix = {".md": "markdown"}
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = f"ecomtrack-sdk {__version__}"
html_copy_source = False
myst_enable_extensions = ["colon_fence", "deflist", "fieldlist"]
myst_heading_anchors = 3
# The errors are a page of their own, drawn as a tree (reference/errors.md), without anchors to link to.
nitpick_ignore = [("py:exc", name) for name in errors.__all__]
autodoc_member_order = "bysource"
autodoc_typehints = "none"
autodoc_class_signature = "separated"
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_use_ivar = True
napoleon_custom_sections = [("Returns", "params_style")]

# An attribute's docstring is a sentence; napoleon would take what stands before a colon for its type.
GoogleDocstring._parse_attribute_docstring = GoogleDocstring._consume_to_end  # noqa: SLF001

if not tags.has("as-committed"):  # noqa: F821  # Sphinx puts ``tags`` there
    generate.main()
