"""Reading pictures and pages: what an SVG says, as data; what a browser shows."""

import json
import re
import shutil
import xml.etree.ElementTree as ET
from dataclasses import dataclass, field

import numpy as np
import pytest

import tinygrad_edu as tg

SVG = "{http://www.w3.org/2000/svg}"


@dataclass
class Drawn:
    """A node as it is drawn: its texts from top to bottom, its outline, and the bars in it."""

    texts: list[str]
    outline: dict[str, str]
    bars: list[float] = field(default_factory=list)
    middle: float = 0.0
    """Its height on the page."""
    across: float = 0.0
    """How far it is from the left."""

    def after(self, label, n=1):
        """Return the texts that follow a label."""
        at = self.texts.index(label) + 1
        return self.texts[at : at + n] if n > 1 else self.texts[at]


class Picture:
    """An SVG drawn by Graphviz: nodes by name, edges between them, labels of clusters."""

    def __init__(self, svg):
        self.root = ET.fromstring(svg)  # noqa: S314 - our own picture
        groups = {
            kind: [g for g in self.root.iter(f"{SVG}g") if kind in g.get("class", "").split()]
            for kind in ("graph", "node", "edge", "cluster")
        }
        self.drawn = {g.find(f"{SVG}title").text: self._node(g) for g in groups["node"]}
        self.nodes = {_name(node): node for node in self.drawn.values()}
        ends = [_ends(g) for g in groups["edge"]]
        self.edges = [tuple(_name(self.drawn[key]) for key in pair) for pair in ends]
        self.strokes = [dict(g.find(f".//{SVG}path").attrib) for g in groups["edge"]]
        self.clusters = [_texts(g)[0] for g in groups["cluster"]]
        own = [e for e in groups["graph"][0] if e.tag == f"{SVG}text"]
        self.legend = [_text(e) for e in own if _text(e)]

    @staticmethod
    def _node(group):
        shapes = [e for e in group.iter() if e.tag in (f"{SVG}polygon", f"{SVG}path")]
        outline = dict(shapes[0].attrib) | {"shape": shapes[0].tag} if shapes else {}
        bars = [_height(e) for e in shapes[1:] if e.get("fill") == "#59636e"]
        places = [(float(e.get("x")), float(e.get("y"))) for e in group.iter(f"{SVG}text")]
        across, middle = np.mean(places, axis=0)
        return Drawn(_texts(group), outline, bars, middle, across)


def _ends(edge):
    """From where to where an arrow points; some are drawn from their heads."""
    ends = edge.find(f"{SVG}title").text.split("->")
    return ends[::-1] if "reversed" in edge.get("class") else ends


def _text(element):
    return " ".join(element.text.split())


def _texts(group):
    return [_text(e) for e in group.iter(f"{SVG}text") if e.text and _text(e)]


def _height(polygon):
    ys = [float(point.split(",")[1]) for point in polygon.get("points").split()]
    return max(ys) - min(ys)


def _name(node):
    """What stands in front of the shape: the text before "(2, 3) float64"."""
    for i, text in enumerate(node.texts):
        if re.search(r"\) (float|int|bool|complex)\d*$", text) and i:
            return node.texts[i - 1]
    return node.texts[0]


@pytest.fixture(scope="session")
def picture():
    """Draw a graph, and read the picture."""
    pytest.importorskip("pygraphviz", reason="nothing here can draw: pip install pygraphviz")
    return draw


@pytest.fixture(scope="session")
def read_picture():
    """Read the picture in an SVG."""
    pytest.importorskip("pygraphviz", reason="nothing here can draw: pip install pygraphviz")
    return Picture


def draw(root, *args, **options):
    return Picture(tg.draw_graph(root, *args, **options).pipe("svg"))


# --------------------------------------------------------------------------------------
# Pages
# --------------------------------------------------------------------------------------

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="session")
def browser():
    sync_api = pytest.importorskip(
        "playwright.sync_api", reason="no browser can be driven: pip install playwright"
    )
    program = next(
        filter(None, map(shutil.which, ["chromium", "chromium-browser", "chrome"])), None
    )
    if program is None:
        pytest.skip("there is no Chromium on PATH; on Debian: apt-get install chromium")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=FLAGS)
        yield browser
        browser.close()


class Page:
    """A page as a reader sees it."""

    def __init__(self, page):
        self.page = page

    def press(self, *keys):
        for key in keys:
            self.page.keyboard.press(key)

    @property
    def step(self):
        return int(re.match(r"step (\d+) of", self.page.inner_text("#count"))[1])

    @property
    def last(self):
        return int(re.search(r"of (\d+)", self.page.inner_text("#count"))[1])

    def wait_for_step(self, condition):
        for _ in range(100):
            if condition(self.step):
                return
            self.page.wait_for_timeout(50)
        raise AssertionError(f"still at step {self.step}")

    @property
    def heading(self):
        return self.page.inner_text("#story h2")

    def numbers(self, css):
        """Read the numbers in each formula of the story."""
        found = self.page.locator(css).evaluate_all(
            "all => all.map(e => [...e.querySelectorAll('mn')]"
            ".filter(n => !n.closest('msub') && !n.closest('msup > :last-child'))"
            ".map(n => n.textContent))"
        )
        return [[float(n.replace("−", "-")) for n in numbers] for numbers in found]

    def card(self, key, row):
        """Read the numbers that are seen in a row of a card."""
        group = self.page.locator(f"#a_{key}-{row}")
        if not group.count() or group.evaluate("e => getComputedStyle(e).visibility") == "hidden":
            return None
        return [float(text) for text in group.locator("text").all_text_contents()]

    @staticmethod
    def shown(array):
        """Round as the page does."""
        digits = 4 if np.ndim(array) == 0 else 3
        return [float(f"{value:.{digits}g}") for value in np.ravel(array)]

    @property
    def width(self):
        return self.page.evaluate("document.getElementById('picture').clientWidth")

    def data(self):
        return json.loads(self.page.inner_text("#data") or self.page.text_content("#data"))

    def key(self, name):
        """Find the node with a name."""
        return next(
            key for key, node in self.data()["nodes"].items() if node["label"].split()[0] == name
        )

    def classes(self, key):
        return set(self.page.get_attribute(f"#{key}", "class").split())


@pytest.fixture
def open_page(browser, tmp_path):
    """Open an explorer; in the end nothing was logged, and nothing was asked of a network."""
    context = browser.new_context(viewport={"width": 1300, "height": 800})
    complaints, requests = [], []

    def open_page(explorer, fragment="", **options):
        path = explorer.save(tmp_path / "backprop.html")
        page = context.new_page(**options)
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("dialog", lambda dialog: complaints.append(dialog.message))
        page.on("request", lambda request: requests.append(request.url))
        page.goto(path.as_uri() + fragment)
        return Page(page)

    yield open_page
    context.close()
    assert complaints == []
    assert {url.partition("#")[0] for url in requests} <= {(tmp_path / "backprop.html").as_uri()}


@pytest.fixture(scope="session")
def network():
    rng = np.random.default_rng(seed=0)
    shapes = {"W1": (2, 3), "b1": (3,), "W2": (3, 1), "b2": (1,)}
    parameters = {
        name: tg.Tensor(rng.normal(size=shape), requires_grad=True, name=name)
        for name, shape in shapes.items()
    }
    x = tg.Tensor(rng.normal(size=(4, 2)), name="x")
    recorded = {}

    def mlp(x):
        W1, b1, W2, b2 = parameters.values()
        a = x @ W1
        z = a + b1
        h = tg.tanh(z)
        o = h @ W2
        error = o + b2
        square = error * error
        recorded.update(a=a, z=z, h=h, o=o, error=error, square=square)
        return square.mean()

    explorer = tg.explore(mlp, x)
    loss = mlp(x)
    for tensor in recorded.values():
        tensor.retain_grad()
    loss.backward()
    return explorer, {**parameters, "x": x, **recorded, "L": loss}


@pytest.fixture
def page(open_page, network):
    return open_page(network[0])
