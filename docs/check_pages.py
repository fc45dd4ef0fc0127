"""Look at the pages of a built site as a reader does: ``python docs/check_pages.py SITE``.

All of them; or those in some folders, which are given after the site.

In a Chromium, on a wide and on a narrow window, light and dark. An error is what could not be read:
words that are cut, that lie on others, that are too small or hardly differ from their ground; a
page that is wider than the window, or too heavy; and a message in the console. Without a Chromium,
or without playwright, nothing is looked at.
"""

import re
import shutil
import sys
from functools import cache
from pathlib import Path
from urllib.parse import unquote, urlsplit

from check_links import Page

try:
    from playwright.sync_api import sync_playwright
except ImportError:
    sync_playwright = None

SIZES = [(1280, 900), (390, 844)]
THEMES = ["light", "dark"]
SMALLEST = 8  # pixels: of letters
SMALLEST_LABEL = 6  # in a picture, which a reader may enlarge
HEAVIEST = 2_000_000  # bytes: of a page with all that is in it, but for what all pages share
LABEL = 100 / 72 * 10  # pixels: of a picture of points by matplotlib
SKIPPED = ("_static", "_modules", "_downloads")
AT_STEPS = [0, 3, 10_000]  # at which an explorer is looked at: the last is the end
COMPLAINTS = {"error", "warning"}
PROGRAMS = ["chromium", "chromium-browser", "chrome"]
MEASURE = Path(__file__).with_suffix(".js").read_text(encoding="utf-8")


def look(page, path):
    """Tell what cannot be read on a page, at all sizes and in all themes."""
    found = {}
    messages = []
    page.on("console", lambda m: m.type in COMPLAINTS and messages.append(m.text))
    page.on("pageerror", lambda error: messages.append(str(error)))
    page.on("requestfailed", lambda request: messages.append(f"it fetched {request.url[:200]}"))
    page.goto(path.as_uri(), wait_until="load")
    page.add_style_tag(content="* { transition: none !important; animation: none !important; }")
    steps = AT_STEPS if page.locator("#story").count() else [None]
    for width, height in SIZES:
        page.set_viewport_size({"width": width, "height": height})
        for theme in THEMES:
            page.emulate_media(color_scheme=theme)
            page.evaluate("theme => document.documentElement.dataset.theme = theme", theme)
            for step in steps:
                if step is not None:
                    page.evaluate("step => { location.hash = `step=${step}`; }", step)
                page.wait_for_timeout(60)
                for what in page.evaluate(MEASURE, SMALLEST):
                    said = what if isinstance(what, str) else of_picture(**what)
                    if said:
                        found.setdefault(said, set()).add(f"{width} px {theme}")
    for message in dict.fromkeys(messages):
        yield f"writes to the console: {message}"
    for what, where in found.items():
        yield f"{what} ({', '.join(sorted(where))})"


def of_picture(image, scale):
    """Tell if the letters in a picture are too small."""
    scheme, _, path, *_ = urlsplit(image)
    if scheme != "file":
        return ""
    size = label_size(unquote(path)) * scale
    name = image[:200].rpartition("/")[2]
    return f"has letters of {size:.1f} px in a picture: {name}" if size < SMALLEST_LABEL else ""


@cache
def label_size(path):
    """About how large the smallest letters are in a picture, in its own pixels."""
    path = Path(path)
    if "_thumb" in path.stem or path.suffix not in (".svg", ".png"):  # not there to be read
        return float("inf")
    if path.suffix == ".png":
        return LABEL
    text = path.read_text(encoding="utf-8")
    points = re.search(r'<svg[^>]*? width="[\d.]+pt"', text) is not None
    sizes = [float(size) for size in re.findall(r'font-size="([\d.]+)', text)]
    # Matplotlib draws letters as shapes, which are 100 units high.
    sizes += [100 * float(scale) for scale in re.findall(r"scale\(([\d.]+) -[\d.]+\)", text)]
    return min(sizes, default=float("inf")) * (4 / 3 if points else 1)


def weight(path, site):
    """How many bytes a page has with what it fetches by itself; frames are pages of their own."""
    size = path.stat().st_size
    for scheme, host, target, *_ in map(urlsplit, Page(path).fetched):
        if scheme or host:  # it is in the page itself; or an error of another kind
            continue
        target = (path.parent / unquote(target)).resolve()
        alone = target.suffix == ".html" or target.is_relative_to(site / "_static")
        if target.is_file() and not alone:
            size += target.stat().st_size
    return size


def problems(site, folders, browser):
    """Tell what is wrong, page by page."""
    page = browser.new_page()
    for path in sorted(path for folder in folders for path in (site / folder).rglob("*.html")):
        if path.relative_to(site).parts[0] in SKIPPED:
            continue
        if (size := weight(path, site)) > HEAVIEST:
            yield path, f"weighs {size / 1e6:.1f} MB"
        for what in look(page, path):
            yield path, what
        page.close()
        page = browser.new_page()


def main():
    """Print what is wrong; succeed if nothing is, or if nothing could be looked at."""
    site, folders = Path(sys.argv[1]).resolve(), sys.argv[2:] or ["."]
    program = next(filter(None, map(shutil.which, PROGRAMS)), None)
    if sync_playwright is None or program is None:
        sys.stdout.write("pages were not looked at: there is no playwright, or no Chromium\n")
        return
    found = 0
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        for path, what in problems(site, folders, browser):
            found += 1
            sys.stderr.write(f"{path.relative_to(site)}: {what}\n")  # it takes minutes to the last
        browser.close()
    sys.exit(min(found, 1))


if __name__ == "__main__":
    main()
