"""How Sphinx builds the site. `python docs/build.py` builds it in both languages; docs/index.md is its first page."""

import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE / "_ext"))

project = "ninx"
author = "the authors of ninx"
copyright = "the authors of ninx, MIT licence"
language = "en"
locale_dirs = ["locale"]
gettext_compact = False
gettext_uuid = False
gettext_location = False

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinxcontrib.katex", "sources", "docstrings"]
exclude_patterns = ["_build", "locale", "lite", "results"]
myst_enable_extensions = ["dollarmath", "colon_fence", "attrs_inline", "attrs_block"]
myst_heading_anchors = 3
suppress_warnings = ["ref.python"]  # a short name such as `add` may be that of several functions: the first is taken
nitpick_ignore_regex = [("py:(class|obj)", ".*")]  # types of signatures, names in docstrings

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_default_options = {"members": True, "show-inheritance": True}
python_use_unqualified_type_names = True
add_module_names = False
toc_object_entries_show_parents = "hide"

html_theme = "furo"
html_title = "ninx"
html_static_path = ["_static", "_build/katex"]
html_css_files = ["ninx.css"]
templates_path = ["_templates"]
html_show_sourcelink = False
html_copy_source = False
html_show_sphinx = False
html_show_search_summary = False  # it would fetch the pages, which a browser refuses for files
html_sidebars = {
    "**": [
        "sidebar/brand.html",
        "language.html",
        "sidebar/search.html",
        "sidebar/scroll-start.html",
        "sidebar/navigation.html",
        "sidebar/scroll-end.html",
    ]
}
pygments_style, pygments_dark_style = "a11y-light", "a11y-dark"

katex_prerender = True
katex_css_path = "katex/katex.min.css"  # build.py lays it there, with its fonts: nothing is asked of the network

if tags.has("messages"):  # noqa: F821 - Sphinx's; the sentences for the translators are those of the pages alone
    extensions = ["myst_parser", "sources"]
    exclude_patterns += ["api", "[A-Z]*.md"]
