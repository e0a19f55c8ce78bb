"""The site: these pages, a gallery made by running the examples, and the API from the docstrings.

``make docs`` builds it into ``docs/_build/html``. Nothing is fetched while it is built or read.
"""

import os
import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path += [str(HERE / "gallery"), str(HERE / "api")]
os.environ.setdefault("OMP_NUM_THREADS", "2")
os.environ.pop("ENGRAM_DATA", None)  # the gallery shows what everyone gets: the built-in digits

import outside_pages  # noqa: E402
import package_pages  # noqa: E402
import scripts  # noqa: E402

import engram  # noqa: E402

project = "engram"
author = "The engram developers"
project_copyright = author
version = release = engram.__version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx_gallery.gen_gallery"]
source_suffix = {".rst": "restructuredtext", ".md": "markdown"}
exclude_patterns = ["_build", "gallery", "api/*.py", "examples/**/*.ipynb"]
language = "en"
default_role = "py:obj"  # names in single back-ticks lead to where they are described

myst_heading_anchors = 4
myst_enable_extensions = ["colon_fence", "deflist"]

autodoc_member_order = "bysource"
autodoc_typehints = "none"  # types and shapes stand in the docstrings
autodoc_class_signature = "mixed"
napoleon_google_docstring = False
napoleon_use_ivar = True
napoleon_use_rtype = False
add_module_names = False

html_theme = "furo"
html_title = "engram"
html_copy_source = False
html_show_sphinx = False
pygments_style = "tango"
templates_path = []

scripts.copy_examples(HERE.parent / "examples", HERE / "_build" / "scripts")
sphinx_gallery_conf = {
    "examples_dirs": "_build/scripts",
    "gallery_dirs": "examples",
    "filename_pattern": scripts.run_pattern(),
    "subsection_order": [f"_build/scripts/{name}" for name in scripts.section_names()],
    "within_subsection_order": "scripts.place_in_section",
    "image_scrapers": ("scripts.saved_figures",),
    "reset_modules": ("scripts.forget_registered",),
    "reset_modules_order": "both",
    "capture_repr": (),
    "download_all_examples": False,
    "show_signature": False,
    "show_memory": False,
    "remove_config_comments": True,
    "write_computation_times": False,
    "min_reported_time": 1e9,  # which would be that of the machine that built the site
    "abort_on_example_error": True,
}

package_pages.write(HERE / "api")
outside_pages.write(HERE)


def setup(app):
    app.connect("env-get-outdated", lambda *_: ["index"])  # whose side bar has every page that there is
    app.connect("source-read", outside_pages.lead_links_to_the_site)
    app.connect("autodoc-process-docstring", package_pages.tidy)
    app.connect("autodoc-skip-member", package_pages.skip)
