"""Check every link of the built site, from disk: ``python docs/check_links.py docs/_build/html``.

A page, picture, script or anchor that is missing is an error, and so is anything that a page would
fetch from a network by itself. Links that a reader may follow to the outside are left alone.
"""

import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

FETCHED = {"img": "src", "script": "src", "iframe": "src", "source": "src", "video": "src"}


class Page(HTMLParser):
    """The anchors of a page, and what it refers to."""

    def __init__(self, path):
        super().__init__()
        self.anchors, self.links, self.fetched = {""}, set(), set()
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attrs):
        """Collect."""
        attrs = dict(attrs)
        self.anchors |= {attrs[key] for key in ("id", "name") if attrs.get(key)}
        if attrs.get("id") == "slider":  # of an explorer, whose steps have addresses
            self.anchors |= {f"step={i}" for i in range(int(attrs["max"]) + 1)}
        if tag == "a" and attrs.get("href"):
            self.links.add(attrs["href"])
        if attrs.get(FETCHED.get(tag, "")):
            self.fetched.add(attrs[FETCHED[tag]])
        if tag == "link" and attrs.get("rel") in {"stylesheet", "icon", "preload"}:
            self.fetched.add(attrs["href"])


def problems(site):
    """Tell what is wrong, page by page."""
    pages = {
        path: Page(path) for path in sorted(site.rglob("*.html")) if "_static" not in path.parts
    }
    for path, page in pages.items():
        for reference in sorted(page.links | page.fetched):
            scheme, host, target, _, anchor = urlsplit(reference)
            if scheme == "data":
                continue
            if scheme or host:
                if reference in page.fetched:
                    yield path, f"is fetched from a network: {reference}"
                continue
            goal = (path.parent / unquote(target)).resolve() if target else path
            if not goal.is_file():
                yield path, f"points nowhere: {reference}"
            elif goal in pages and unquote(anchor) not in pages[goal].anchors:
                yield path, f"has no such anchor: {reference}"


def main():
    """Print what is wrong; succeed if nothing is."""
    site = Path(sys.argv[1]).resolve()
    found = [f"{path.relative_to(site)}: {what}" for path, what in problems(site)]
    sys.exit("\n".join(found) or 0)


if __name__ == "__main__":
    main()
