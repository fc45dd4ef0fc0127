/* Other numbers. Something computes with them (one of this page, or Python in a notebook), and what
   it finds is written wherever the numbers of an array stand: on the cards, in the story, and in
   what is told of a node. `computing.run(leaves)` promises the arrays of the page, by their keys. */

const live = data.live;
const arrays = {}; // key -> its numbers, row by row; of some large arrays, what is said of them

function accept(found) {
  for (const key in found) {
    arrays[key] = typeof found[key] === "string" ? found[key] : found[key].map(Number);
  }
}

function textsOf(key) {
  const found = arrays[key];
  return typeof found === "string" ? [found] : texts(found, live.shapes[key], live.whole.includes(key));
}

/* An array in full, or if it is large what its card says. */
function inFull(key) {
  const [rows] = rowsAndColumns(live.shapes[key]) ?? [];
  const parts = textsOf(key);
  if (!rows) return parts[0];
  const width = Math.max(...parts.map((part) => part.length));
  return inRows(parts, rows)
    .map((row) => row.map((part) => part.padStart(width)).join("  ")).join("\n");
}

/* Other numbers are longer or shorter: let each be in the middle of its cell on the card. */
for (const id in data.nodes) {
  for (const text of svg.querySelectorAll(`#a_${id}-value text, #a_${id}-grad text`)) {
    const { x, width } = text.getBBox();
    text.setAttribute("x", x + width / 2);
    text.setAttribute("text-anchor", "middle");
  }
}

// --- writing them where they stand ---------------------------------------------------------------

/* All that the page knows of its numbers, anew. */
function write() {
  for (const step of data.steps) if (step.array) step.gradient = textsOf(step.array);
  for (const id in live.nodes) {
    const { value, gradient } = live.nodes[id];
    data.nodes[id].value = inFull(value);
    fill($(`a_${id}-value`), textsOf(value));
    drawHistogram(`a_${id}-value`, value);
    if (gradient) drawHistogram(`a_${id}-grad`, gradient);
    if (gradient) data.nodes[id].gradient = inFull(gradient);
  }
  writeSlopes();
  writePaths();
  rewrite();
}

const BAR = "#59636e", INK = "#1f2328"; // the colors of bars, and of the mark below them at 0
const histograms = {}; // cell -> its bars and its mark, and where they stand

/* How high the bars of a distribution are drawn, in sixteenths; and in which of them 0 lies. */
function heights({ histogram }) {
  const most = Math.max(...histogram);
  return histogram.map((count) => Math.round((16 * count) / most));
}
function zeroBin({ low, high }) {
  if (!(low <= 0 && 0 <= high)) return null;
  return high > low ? Math.min(Math.floor((-low / (high - low)) * BINS), BINS - 1) : 0;
}

/* The distribution as Graphviz has drawn it, of the numbers of the beginning. */
function readHistogram(cell, summary) {
  const bars = [...(cell?.querySelectorAll(`polygon[fill="${BAR}"]`) ?? [])];
  if (!bars.length || !summary) return null;
  const high = heights(summary);
  const drawn = high.flatMap((height, i) => (height ? [i] : []));
  const boxes = bars.map((bar) => bar.getBBox());
  const apart = drawn.at(-1) - drawn[0];
  const pitch = apart ? (boxes.at(-1).x - boxes[0].x) / apart : 0;
  const [{ width }, { y, height }] = [boxes[0], boxes[drawn.indexOf(high.indexOf(16))]];
  const mark = cell.querySelector(`polygon[fill="${INK}"]`);
  return { bars, x: boxes[0].x - pitch * drawn[0], y, width, height, pitch, mark, zero: zeroBin(summary) };
}

/* The distribution of a large array, if all of it is known here; else no bars. */
function drawHistogram(id, key) {
  const cell = $(id);
  const summary = typeof arrays[key] === "string" ? null : summarize(arrays[key]);
  const drawn = histograms[id] ??= readHistogram(cell, summary);
  if (!drawn) {
    const isOld = document.body.classList.contains("changed");
    for (const bar of cell?.querySelectorAll("polygon") ?? []) bar.toggleAttribute("hidden", isOld);
    return;
  }
  for (const bar of drawn.bars) bar.remove();
  drawn.bars = heights(summary ?? { histogram: [] }).map((sixteenths, i) => {
    const bar = document.createElementNS(svg.namespaceURI, "rect");
    const high = (drawn.height * sixteenths) / 16;
    const place = { x: drawn.x + drawn.pitch * i, y: drawn.y + drawn.height - high };
    const attributes = { ...place, width: drawn.width, height: high, fill: BAR };
    for (const name in attributes) bar.setAttribute(name, attributes[name]);
    return bar;
  });
  cell.querySelector("a").append(...drawn.bars);
  if (!drawn.mark) return;
  const zero = summary && zeroBin(summary);
  drawn.mark.toggleAttribute("hidden", zero === null);
  drawn.mark.setAttribute("transform", `translate(${drawn.pitch * (zero - drawn.zero)} 0)`);
}

const firstSlopes = structuredClone(data.slopes);

/* What each edge does to a gradient, as viz/slopes.py says it. */
function writeSlopes() {
  for (const id in live.slopes) {
    const { text, said, number } = firstSlopes[id];
    const { slope, before, after } = live.slopes[id];
    const [short, sentence, factor] = slope ? times(arrays[slope], number !== null)
      : stretched(before ? arrays[before] : [1], arrays[after]);
    data.slopes[id] = {
      text: short + (text.endsWith(", Σ") ? ", Σ" : ""),
      said: sentence + (/; then.*/.exec(said)?.[0] ?? ""),
      number: number === null ? null : factor,
    };
    const label = $(id).querySelector("text");
    if (label) label.textContent = data.slopes[id].text;
  }
}

function times(slopes, isNumber) {
  const isKnown = typeof slopes !== "string"; // else it says "low … high, mean ..."
  const [low, high] = isKnown ? [Math.min(...slopes), Math.max(...slopes)] : slopes.split(/ … |, /);
  const shown = (x, digits) => (isKnown ? shortNumber(x, digits) : x.replaceAll("-", "−"));
  if (low === high) {
    const factor = shown(low);
    return [`× ${factor}`, `${isNumber ? "the gradient" : "every entry of the gradient"}, times ${factor}`, low];
  }
  const [least, most] = [shown(low, 2), shown(high, 2)];
  return [`× ${least} … ${most}`, `the gradient, times a slope for every entry, from ${least} to ${most}`];
}

function stretched(before, after) {
  const share = [before, after].some((x) => typeof x === "string") ? "…"
    : shortNumber(Math.hypot(...before) ? Math.hypot(...after) / Math.hypot(...before) : 0);
  return [`‖g‖ × ${share}`, `the length of the gradient, its Euclidean norm, times ${share}`];
}

/* What comes back over each path, and over all. */
function writePaths() {
  Object.values(data.paths).forEach((found, i) => {
    const { gradient } = live.nodes[found.node] ?? {};
    if (gradient) found.gradient = asRows(gradient);
    found.paths.forEach((path, j) => { path.gradient = asRows(`p${i}.${j}`); });
  });
  if (reached.length) showPaths();
}

/* What stands in an array one after the other, in so many rows. */
function inRows(all, rows) {
  const columns = all.length / rows;
  return Array.from({ length: rows }, (_, i) => all.slice(i * columns, (i + 1) * columns));
}

/* Rows of texts; of a single number or a large array, one text. */
function asRows(key) {
  const shape = live.shapes[key];
  const [rows] = (shape.length && rowsAndColumns(shape)) || [];
  const parts = textsOf(key);
  return rows ? inRows(parts, rows) : parts[0].replaceAll("-", "−");
}

/* The numbers in a piece of the story. */
function markStory(story) {
  for (const element of story.querySelectorAll("[data-n]")) {
    const [key, at, digits] = element.dataset.n.split(":");
    const found = arrays[key];
    if (found === undefined) continue;
    if (at === undefined) {
      const line = element.dataset.line;
      const [text] = textsOf(key);
      element.textContent = line === undefined ? text : text.split(", ")[line] ?? "";
    } else {
      const x = found[at];
      const text = live.whole.includes(key) ? String(x) : number(x, Number(digits ?? 3));
      element.textContent = text.replaceAll("-", "−");
    }
  }
  for (const group of story.querySelectorAll(".sign")) {
    const positive = !group.textContent.includes("(−");
    for (const bracket of group.querySelectorAll(":scope > mo")) {
      bracket.toggleAttribute("hidden", positive);
    }
  }
  for (const [attribute, wanted] of [["unlessZero", false], ["ifZero", true]]) {
    const name = attribute.replace("Zero", "-zero");
    for (const element of story.querySelectorAll(`[data-${name}]`)) {
      const keys = element.dataset[attribute].split(" ");
      const zero = keys.every((key) => typeof arrays[key] !== "string" && arrays[key].every((x) => x === 0));
      element.hidden = zero !== wanted;
    }
  }
  for (const place of story.querySelectorAll("[data-factors]")) {
    const { length } = JSON.parse(place.dataset.rows);
    const [x, g] = place.dataset.factors.split(" ").map((key) => inRows(arrays[key], length));
    place.dataset.rows = JSON.stringify(addedByRow(x, g));
  }
  story.querySelectorAll(".math").forEach(sayOnce);
}

/* What each row of two matrices adds to the product of the one, transposed, and the other. */
function addedByRow(x, g) {
  let sums = null;
  return x.map((row, n) => {
    const added = row.map((a) => g[n].map((b) => a * b));
    sums = sums ? sums.map((all, i) => all.map((s, j) => s + added[i][j])) : added;
    const [shown, sum] = [added, sums].map((rows) => rows.map((all) => all.map((s) => number(s))));
    return { added: shown, sum };
  });
}

/* Hide the sides of an equation that say what another one said before. */
function sayOnce(formula) {
  const sides = [];
  for (const piece of formula.querySelectorAll(":scope > math")) {
    const equals = piece.firstElementChild;
    if (!sides.length || (equals?.localName === "mo" && equals.textContent === "=")) sides.push([]);
    sides.at(-1).push(piece);
  }
  const said = new Set();
  for (const side of sides) {
    const text = side.map(seen).join("").replace(/^=/, "");
    for (const piece of side) piece.toggleAttribute("hidden", said.has(text));
    said.add(text);
  }
}

const seen = (element) => element.hasAttribute("hidden") ? ""
  : element.children.length ? [...element.children].map(seen).join("\u2063") : element.textContent;
