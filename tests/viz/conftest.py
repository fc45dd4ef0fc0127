"""Reading pictures: what an SVG says, as data."""

import re
import xml.etree.ElementTree as ET
from dataclasses import dataclass, field

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
        heights = [float(e.get("y")) for e in group.iter(f"{SVG}text")]
        return Drawn(_texts(group), outline, bars, sum(heights) / len(heights))


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
