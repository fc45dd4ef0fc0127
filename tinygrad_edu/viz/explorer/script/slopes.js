/* The slope of an edge, once a gradient has passed over it; more of it when pointed at. */

for (const id in data.slopes) {
  const edge = $(id);
  edge.addEventListener("mouseenter", () => {
    const { text, said } = data.slopes[id];
    if (isKnown(flows[id])) tell(edge, [["b", text], ["div", said]]);
  });
  edge.addEventListener("mouseleave", () => tell(null));
}

/* Graphviz leaves room for the labels; only beside an upright line we put them ourselves. */
const BESIDE = 5;
for (const edge of svg.querySelectorAll(".edge:has(text)")) {
  const line = edge.querySelector("path").getBBox();
  if (line.width > BESIDE) continue;
  const label = edge.querySelector("text");
  label.setAttribute("text-anchor", "start");
  label.setAttribute("x", line.x + line.width + BESIDE);
  label.setAttribute("y", line.y + line.height / 2 + label.getBBox().height / 4);
}
