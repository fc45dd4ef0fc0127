/* Nodes and edges: click to jump, hover to see everything. */

const stepOf = (id) => {
  // A second click on the same node goes on to the next step in which it takes part.
  const steps = [computed[id] ?? 0, ...(arrivals[id] ?? [])];
  return steps.find((i) => i > step) ?? steps[0];
};
const stepOfEdge = (id) => {
  const steps = [computed[data.edges[id].target], flows[id]].filter((i) => i !== undefined);
  return steps.find((i) => i > step) ?? steps[0] ?? 0;
};
for (const id in data.nodes) {
  const element = $(id);
  element.setAttribute("role", "button");
  element.setAttribute("tabindex", "0");
  element.addEventListener("click", () => dragged || jump(stepOf(id)));
  element.addEventListener("keydown", (event) => {
    if (event.key === "Enter") jump(stepOf(id));
  });
  for (const name of ["mouseenter", "focus"]) element.addEventListener(name, () => details(id));
  for (const name of ["mouseleave", "blur"]) element.addEventListener(name, () => details(null));
}
for (const id in data.edges) {
  const line = $(id).querySelector("path");
  const hit = line.cloneNode(); // a line is too thin to be hit
  hit.setAttribute("class", "hit");
  line.before(hit);
  $(id).addEventListener("click", () => dragged || jump(stepOfEdge(id)));
}
for (const element of svg.querySelectorAll("a, title")) {
  // The browser's own small labels would hide ours; and the links, by which we find the numbers
  // on a card, lead nowhere.
  element.removeAttribute("xlink:title");
  element.removeAttribute("xlink:href");
  if (element.tagName === "title") element.remove();
}

function details(id) {
  if (id === null) return tell(null);
  const { label, value, gradient, kept } = data.nodes[id];
  const parts = [["b", label]];
  if (isComputed(id) && value) parts.push(["div", "value"], ["pre", value]);
  if (isComputed(id) && kept) parts.push(["div", `kept for the way back: ${kept}`]);
  if (gradient) parts.push(["div", `${data.brings}${isComplete(id) ? "" : ": not complete yet"}`]);
  if (gradient && isComplete(id)) parts.push(["pre", gradient]);
  tell($(id), parts);
}

/* Show a few lines beside something in the graph; nothing, if it is null. */
function tell(element, lines = []) {
  const box = $("details");
  box.hidden = element === null;
  if (element === null) return;
  box.replaceChildren(...lines.map(([tag, text]) => {
    const line = document.createElement(tag);
    line.textContent = text;
    return line;
  }));
  const { left, bottom, top } = element.getBoundingClientRect();
  const below = bottom + 8 + box.offsetHeight < innerHeight;
  box.style.left = `${Math.max(8, Math.min(left, innerWidth - box.offsetWidth - 8))}px`;
  box.style.top = `${Math.max(8, below ? bottom + 8 : top - 8 - box.offsetHeight)}px`;
}
