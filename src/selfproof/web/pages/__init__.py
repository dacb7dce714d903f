"""The dashboard's pages: each module here names those that it holds in ``PAGES``. A new file is a new page."""

from __future__ import annotations

import importlib
import pkgutil

from selfproof.web.page import Page


def all_pages() -> tuple[Page, ...]:
    """Every page, by its place in the navigation; those without a place last."""
    names = sorted(found.name for found in pkgutil.iter_modules(__path__))
    pages = [page for name in names for page in importlib.import_module(f"{__name__}.{name}").PAGES]
    return tuple(sorted(pages, key=lambda page: page.order or 1_000_000))
