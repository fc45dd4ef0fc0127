/* While one of some panels is open, parts of the graph are lit, and all else fades. */

const lit = {}; // panel -> a function that returns what it lights

/* Light nodes, and edges with what they connect. */
function light(ids) {
  const ends = [...ids].flatMap((id) => Object.values(data.edges[id] ?? {}));
  const all = new Set([...ids, ...ends]);
  for (const element of svg.querySelectorAll(".node, .edge")) {
    element.classList.toggle("lit", all.has(element.id));
  }
  svg.classList.toggle("lighted", all.size > 0);
}

function relight() {
  const open = document.querySelector("details[name=lit][open]");
  light(open ? lit[open.id]() : []);
  if (open && !chosen) fit();
}

for (const panel of document.querySelectorAll("details[name=lit]")) {
  panel.addEventListener("toggle", relight);
}
