/* The program beside the graph: the line that computes the node at work is lit. */

const listing = $("program").querySelector("ol");

/* Light the lines of a vertex: the part that computes it, or whole lines. */
function lightLines(vertex) {
  const { lines, running } = data.program;
  for (const item of listing.querySelectorAll(".running")) {
    item.className = "";
    item.firstChild.replaceChildren(lines[[...listing.children].indexOf(item)]);
  }
  for (const { line, parts } of running[vertex] ?? []) {
    const item = listing.children[line];
    item.className = "running";
    if (parts) {
      const [before, part, after] = parts;
      const indent = /^\s*/.exec(lines[line])[0];
      item.firstChild.replaceChildren(indent + before, make("mark", "", part), after);
    }
    bringIntoSight(item);
  }
}

/* Scroll within the panel: a page around this one stays where it is. */
function bringIntoSight({ offsetTop, offsetHeight }) {
  const panel = $("program");
  const above = offsetTop - panel.firstElementChild.offsetHeight < panel.scrollTop;
  const below = offsetTop + offsetHeight > panel.scrollTop + panel.clientHeight;
  if (above || below) panel.scrollTop = offsetTop - panel.clientHeight / 2;
}

if (data.program) {
  const { file, begin, lines } = data.program;
  $("program").hidden = false;
  const wide = matchMedia("(min-width: 700px)"); // enough to stand beside the story
  const fold = () => { $("program").open = wide.matches; };
  fold();
  wide.addEventListener("change", fold);
  $("program").querySelector("summary").textContent = `Program: ${file}, from line ${begin}`;
  listing.start = begin;
  listing.append(...lines.map((text) => make("li", "", make("code", "", text))));
  whenShown.push(({ node }) => lightLines(node));
}
