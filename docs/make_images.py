"""Make the pictures of the README and the documentation: ``python docs/make_images.py``.

Next to the drawn graph stands its source: pictures differ between versions of Graphviz, the source
does not, so that a test can tell whether the picture is up to date.
"""

import sys
from pathlib import Path
from shutil import which

import tinygrad_edu as tg

IMAGES = Path(__file__).parent / "images"


def neuron(x, w, b):
    """The graph of the README."""
    y = tg.tanh(x @ w + b)
    return (y - 1.0) ** 2


def arguments():
    """Two inputs with their weights, and a bias."""
    x = tg.Tensor([1.5, -0.5], name="x")
    w = tg.Tensor([0.8, 0.4], requires_grad=True, name="w")
    b = tg.Tensor(-0.2, requires_grad=True, name="b")
    return x, w, b


def graph():
    """Draw the neuron after its backward pass."""
    loss = neuron(*arguments())
    loss.backward()
    return tg.draw_graph(loss, {"loss": loss})


def photograph(page, path, step):
    """Save one still of an explorer."""
    from playwright.sync_api import sync_playwright  # noqa: PLC0415 - only for this picture

    with sync_playwright() as playwright:
        program = which("chromium") or which("chromium-browser")
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        tab = browser.new_page(viewport={"width": 1400, "height": 600}, device_scale_factor=1.25)
        tab.set_content(page.html)
        for _ in range(step):
            tab.keyboard.press("ArrowRight")
        tab.keyboard.press("0")  # show the whole graph
        tab.wait_for_timeout(500)  # for what fades
        tab.screenshot(path=path)
        browser.close()


def main():
    """Write all pictures."""
    drawing = graph()
    (IMAGES / "graph.gv").write_text(drawing.source, encoding="utf-8")
    (IMAGES / "graph.svg").write_bytes(drawing.pipe("svg"))
    photograph(tg.explore(neuron, *arguments()), IMAGES / "explorer.png", step=9)


if __name__ == "__main__":
    sys.exit(main())
