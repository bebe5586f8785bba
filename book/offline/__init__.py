"""Sphinx extension of the offline book: executed copies joined to clean sources, and no page ever asks a CDN."""

from sphinx.application import Sphinx

from offline import address, pages, times

__all__ = ["setup"]


def setup(app: Sphinx) -> dict:
    """Connect the parts; each says in its own module what it is for."""
    app.connect("config-inited", pages.forget_widget_cdn, priority=900)
    app.connect("config-inited", address.fill_in, priority=900)
    app.connect("html-page-context", pages.drop_thebe, priority=999)
    app.connect("build-finished", pages.copy_front_end)
    app.connect("source-read", times.paste)
    app.add_css_file("book.css")
    app.add_js_file("book.js", loading_method="defer")
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
