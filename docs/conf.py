"""The site's settings, as few as will do: Sphinx reads them, `make site` calls it (tools/website.py)."""

import tomllib
from pathlib import Path

PROJECT = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text(encoding="utf-8"))["project"]

project = "Vision-language models, built from nothing"
author = PROJECT["authors"][0]["name"]
extensions = [
    "myst_nb",
    "sphinx.ext.apidoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.mathjax",
    "sphinx_copybutton",
    "sphinx_design",
]
exclude_patterns = ["downloads/*", "reference/modules.rst"]

# Notebooks were run before (tools/executed.py): here they are only shown.
nb_execution_mode = "off"
nb_merge_streams = True
myst_enable_extensions = ["attrs_inline", "colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 3

# All that a page loads lies on the site itself (tools/assets.py).
mathjax_path = "mathjax/tex-chtml.js"
nb_ipywidgets_js = {"requirejs/require.js": {}, "html-manager/embed-amd.js": {}}

apidoc_modules = [{"path": "../vlmcore", "destination": "reference", "module_first": True, "max_depth": 2}]
autodoc_default_options = {"members": True, "show-inheritance": True}
autodoc_member_order = "bysource"
autodoc_typehints_format = "short"

html_theme = "sphinx_book_theme"
html_title = project
html_static_path = ["static", "../runs/site/assets"]
html_css_files = ["site.css"]
html_context = {"default_mode": "auto"}  # as the reader's system has it; unset, the theme complains
html_copy_source = False  # else the run notebooks would lie there, answers and all
html_theme_options = {
    "repository_url": PROJECT["urls"]["Repository"],
    "use_repository_button": True,
    "use_download_button": False,  # a lesson's page has its own button, for the blank notebook
    "show_toc_level": 2,
    "home_page_in_toc": True,
    "navbar_persistent": [],  # search stands in the sidebar, and once is enough
}


def spaced(app, what, name, obj, options, lines):
    """Docstrings begin a list right below its heading, as one reads them in a file: reStructuredText wants a gap."""
    for n in reversed(range(1, len(lines))):
        if lines[n].startswith("- ") and lines[n - 1] and not lines[n - 1].startswith(("- ", " ")):
            lines.insert(n, "")


WIDGETS = """window.require = {
    baseUrl: document.documentElement.dataset.content_root + "_static",
    paths: {"@jupyter-widgets": "html-manager", "@jupyter-widgets/html-manager/dist": "html-manager"},
};"""


def setup(app):
    """Lists get their gap, and RequireJS is told, before it comes, where the widgets' scripts and fonts lie."""
    app.connect("autodoc-process-docstring", spaced)
    app.add_js_file(None, body=WIDGETS)
