"""Drawn graphs for papers and Markdown: TikZ and Mermaid, and files by their suffix."""

import re
import shutil
import subprocess

import numpy as np
import pytest

import tinygrad_edu as tg

pytest.importorskip("pygraphviz", reason="nothing here can draw: pip install pygraphviz")

HOSTILE = r'"w"<b>#1;`x` \^~{}%$&_ é α ж'


@pytest.fixture(scope="module")
def loss():
    x = tg.Tensor([[1.0, 2.0]], name="x")
    W = tg.Tensor([[1.0], [-0.25]], requires_grad=True, name="W_1")
    with tg.scope("layer"), tg.scope("inner"):
        h = tg.sigmoid(x @ W - 1.0)
    loss = ((1.0 - h) ** 2).mean()
    loss.backward()
    return loss


# --------------------------------------------------------------------------------------
# Files
# --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("suffix", "begins"),
    [
        ("svg", b"<?xml"),
        ("png", b"\x89PNG"),
        ("pdf", b"%PDF"),
        ("gv", b"digraph"),
        ("tex", b"% \\usepackage{tikz}"),
        ("mmd", b"flowchart LR"),
    ],
)
def test_the_suffix_says_what_is_written(tmp_path, loss, suffix, begins):
    path = tmp_path / "new" / f"graph.{suffix}"
    graph = tg.draw_graph(loss, path=path)
    assert path.read_bytes().startswith(begins)
    assert list(path.parent.iterdir()) == [path]
    if suffix in ("tex", "mmd", "gv"):
        assert graph.pipe(suffix) == path.read_bytes()
        outfile = path.parent / f"again.{suffix}"
        graph.render(filename=tmp_path / "source", outfile=outfile)
        assert outfile.read_bytes() == path.read_bytes()


@pytest.mark.parametrize(
    ("name", "message"), [("a.foo", "Graphviz draws"), ("a", "suffix of 'a' must")]
)
def test_a_suffix_that_says_nothing_is_refused(tmp_path, loss, name, message):
    with pytest.raises(ValueError, match=message):
        tg.draw_graph(loss, path=tmp_path / name)
    assert not list(tmp_path.iterdir())


# --------------------------------------------------------------------------------------
# TikZ
# --------------------------------------------------------------------------------------


def tikz(root, **options):
    return tg.draw_graph(root, **options).pipe("tex", encoding="utf-8")


def test_all_that_an_svg_says_is_in_the_tikz(read_picture, loss):
    graph = tg.draw_graph(loss)
    said = {text for card in read_picture(graph.pipe("svg")).drawn.values() for text in card.texts}
    nodes = re.findall(r"^\\node.* at \(.*?\) \{(.*)\};$", graph.pipe("tex").decode(), re.MULTILINE)
    plain = {re.sub(r"[$\\]", "", node).replace("sigma", "σ") for node in nodes}
    assert {text.replace("−", "-") for text in said} <= plain


def test_a_text_stands_where_it_does_in_the_svg(loss):
    graph = tg.draw_graph(loss)
    in_svg = re.search(r'x="(\S+)" y="(\S+)"[^>]*>W_1<', graph.pipe("svg", encoding="utf-8"))
    in_tex = re.search(r"at \((\S+), (\S+)\) \{W\\_1\};", graph.pipe("tex", encoding="utf-8"))
    x, down = map(float, in_svg.groups())
    assert [float(text) for text in in_tex.groups()] == pytest.approx([x, -down], abs=0.01)


def test_edges_are_curves_with_heads(loss):
    lines = tikz(loss, legend=False, constants=False).splitlines()
    assert sum(" .. controls " in line and "fill=" not in line for line in lines) == 7
    assert r"\definecolor{tg1f2328}{HTML}{1F2328}" in lines


def test_every_color_is_defined_once(loss):
    text = tikz(loss, color_by="grad")
    used = set(re.findall(r"=tg(\w{6})", text))
    assert sorted(used) == re.findall(r"\\definecolor\{tg(\w+)\}", text)


def test_tex_typesets_it(tmp_path, loss):
    if shutil.which("pdflatex") is None:
        pytest.skip("there is no TeX on PATH; on Debian: apt-get install texlive-pictures")
    hostile = tg.Tensor(np.ones(2), requires_grad=True, name=HOSTILE)
    (tmp_path / "a.tex").write_text(tikz(loss, color_by="grad"), encoding="utf-8")
    (tmp_path / "b.tex").write_text(tikz((hostile * 2.0).sum()), encoding="utf-8")
    paper = (
        r"\documentclass{article}\usepackage{tikz}\begin{document}"
        r"\input{a.tex}\resizebox{\linewidth}{!}{\input{b.tex}}\end{document}"
    )
    (tmp_path / "paper.tex").write_text(paper, encoding="utf-8")
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "paper.tex"]
    run = subprocess.run(command, cwd=tmp_path, capture_output=True, check=False)
    assert run.returncode == 0, run.stdout.decode(errors="replace")[-2000:]


# --------------------------------------------------------------------------------------
# Mermaid
# --------------------------------------------------------------------------------------


def mermaid(root, **options):
    return tg.draw_graph(root, **options).pipe("mmd", encoding="utf-8").splitlines()


def test_a_flowchart_has_the_cards_and_the_arrows(loss):
    lines = mermaid(loss, constants=False)
    assert lines[0] == "flowchart LR"
    assert '  n0["<b>x</b> (1, 2) float64<br/>value 1, 2"]:::input' in lines
    (product,) = (line for line in lines if "x @ W_1" in line)
    said = "@<br/><b>t1</b> (1, 1) float64<br/>x @ W_1<br/>value 0.5<br/>grad -0.293"
    assert product.strip() == f'n2("{said}"):::intermediate'
    arrows = [line.strip() for line in lines if "-->" in line]
    assert arrows == ["n0 --> n2", "n1 --> n2", *(f"n{i} --> n{i + 1}" for i in range(2, 7))]
    assert mermaid(loss, direction="TB")[0] == "flowchart TB"


def test_scopes_are_subgraphs_in_subgraphs(loss):
    text = "\n".join(mermaid(loss))
    assert re.search(r'subgraph s0 \["layer"\]\n +subgraph s0_0 \["inner"\]\n', text)
    assert text.count("subgraph") == sum(line.strip() == "end" for line in text.splitlines()) == 2


def test_every_class_that_is_used_has_a_style(loss):
    text = "\n".join(mermaid(loss, depth=0))
    used = set(re.findall(r":::(\w+)", text))
    assert used <= set(re.findall(r"classDef (\w+) fill:", text))
    assert {"fold", "constant", "output"} <= used


def test_names_end_no_label(loss):
    x = tg.Tensor(1.0, requires_grad=True, name=HOSTILE)
    with tg.scope(HOSTILE):
        lines = mermaid(x * 2.0)
    name = r"#quot;w#quot;#lt;b#gt;#35;1;#96;x#96; \^~{}%$#amp;_ é α ж"
    assert sum(name in line for line in lines) == 2
    assert all(line.count('"') in (0, 2) for line in lines)
