/* Steps through the story of one computation. All words and numbers come from the page's data; the
   scripts only decide which of them are seen. */

const $ = (id) => document.getElementById(id);
const data = JSON.parse($("data").textContent);
const svg = $("picture").querySelector("svg");
const last = data.steps.length - 1;
const LABELS = { given: "given", forward: "forward", seed: "backward", backward: "backward", end: "done" };
const READABLE = 0.9; // pixels per unit: the numbers on the cards are 11 units high
const SMALL = 0.7; // not so well, but more is seen at a time
const OVERVIEW = 0.2; // the shape of the whole can still be seen
const NARROWEST = 0.6; // to which share of its size a formula is made smaller
const embedded = self !== top;
let step = 0;
let timer = null;
const whenWritten = []; // what is to be done to the story of a step; gets its element
const whenShown = []; // what else is to be done when a step is shown; gets the step

// --- what is known of each node at each step -----------------------------------------------------

const computed = {}; // vertex -> the step that computes it
const arrivals = {}; // vertex -> [the steps that change its gradient]
const flows = {}; // edge -> the step in which a gradient flows over it
data.steps.forEach(({ phase, node, edges, target }, i) => {
  if (phase === "forward") computed[node] = i;
  if (target) (arrivals[target] ??= []).push(i);
  if (phase === "backward") for (const edge of edges) flows[edge] ??= i;
});
const isKnown = (i) => i <= step && !isWithheld(i);
const lastArrival = (node) => (arrivals[node] ?? []).findLast(isKnown);
const isComplete = (node) => isKnown(arrivals[node]?.at(-1));
const isComputed = (node) => isKnown(computed[node] ?? 0);

// --- showing a step ------------------------------------------------------------------------------

function show(wanted) {
  step = Math.max(0, Math.min(last, wanted));
  const { phase, node, edges, target } = data.steps[step];
  const backward = phase === "backward" || phase === "seed";
  document.body.classList.toggle("backward", backward);
  $("story").setAttribute("aria-live", "polite");
  writeStory();
  $("story").scrollTop = 0;
  $("slider").value = step;
  const heading = $("story").querySelector("h2").textContent;
  $("slider").setAttribute("aria-valuetext", `${step} of ${last}, ${LABELS[phase]}: ${heading}`);
  $("count").textContent = `step ${step} of ${last} · ${LABELS[phase]}`;
  for (const id of changed()) {
    if (id in data.nodes) showNode(id);
    else showEdge(id);
  }
  const inputs = edges.map((id) => data.edges[id].source);
  follow([target, node].filter(Boolean).map($), [...inputs, ...edges].map($));
  document.body.classList.toggle("quick", noting !== null); // nothing fades where steps fly by
  clearTimeout(noting);
  noting = setTimeout(note, 100); // browsers refuse to note hundreds of steps in a few seconds
  if (step === last) pause();
  for (const tell of whenShown) tell(data.steps[step]);
}

function writeStory() {
  $("story").innerHTML = data.steps[step].html;
  for (const write of whenWritten) write($("story"));
  fitFormulas();
}

/* Write the step again, with other numbers, where the reader is. */
function rewrite() {
  const { scrollTop } = $("story");
  $("story").setAttribute("aria-live", "off"); // a screen reader is told what came of it instead
  writeStory();
  for (const tell of whenShown) tell(data.steps[step]);
  $("story").scrollTop = scrollTop;
  for (const id in data.nodes) {
    delete written[id];
    showGradient(id);
    $(id).setAttribute("aria-label", spoken(id));
  }
}

let before = null; // the step that was shown before

/* The parts of the graph that look different from how they did at the step before. */
function changed() {
  const steps = before === null ? data.steps
    : data.steps.slice(Math.min(before, step), Math.max(before, step) + 1);
  const ids = before === null ? [...Object.keys(data.nodes), ...Object.keys(data.edges)] : [];
  before = step;
  for (const { node, edges, target } of steps) ids.push(node, target, ...edges);
  return new Set(ids.filter(Boolean));
}

function showNode(id) {
  const { node, target } = data.steps[step];
  const element = $(id);
  element.classList.toggle("later", !isComputed(id));
  element.classList.toggle("now", id === node || id === target);
  element.setAttribute("aria-label", spoken(id));
  showGradient(id);
}

function showEdge(id) {
  const { edges } = data.steps[step];
  const { classList } = $(id);
  classList.toggle("later", !isComputed(data.edges[id].target));
  classList.toggle("now", edges.includes(id));
  classList.toggle("asked", isWithheld(flows[id]));
  classList.toggle("done", flows[id] < step && !edges.includes(id));
}

let noting = null;

/* Note the step in the address, when the reader stays for a moment. */
function note() {
  noting = null;
  document.body.classList.remove("quick");
  try {
    history.replaceState(null, "", `#step=${step}`);
  } catch {
    // A page inside another one may have no address of its own.
  }
}

const written = {}; // vertex -> the step whose gradient is on its card

function showGradient(id) {
  const cell = $(`a_${id}-grad`);
  const arrival = lastArrival(id);
  if (!cell || (id in written && written[id] === arrival)) return;
  written[id] = arrival;
  $(`a_${id}-grad-flag`)?.classList.toggle("unknown", !isComplete(id));
  cell.classList.toggle("unknown", arrival === undefined);
  cell.classList.toggle("partial", !isComplete(id));
  fill(cell, data.steps[arrival]?.gradient ?? []);
}

/* Write texts on a card, one into each of its cells. */
function fill(cell, texts) {
  const cells = cell?.querySelectorAll("text") ?? [];
  texts.slice(0, cells.length).forEach((text, i) => {
    cells[i].textContent = text;
    cells[i].classList.toggle("long", text.length > 7);
  });
}

/* What a screen reader says of a node: what is known of it at this step. */
function spoken(id) {
  const { label, value, gradient } = data.nodes[id];
  const known = [label];
  if (value && isComputed(id)) known.push(`value ${value}`);
  if (gradient && isComplete(id)) known.push(`${data.brings} ${gradient}`);
  return known.join(", ");
}

/* Make a formula with parts that are too long smaller; if that is not enough, it is scrolled.
   First all are measured, then all are changed: else the browser lays out the page for each. */
function fitFormulas(text = $("story")) {
  const formulas = [...text.querySelectorAll(".math")];
  for (const { style } of formulas) if (style.length) style.removeProperty("--share");
  const shares = formulas.map((formula) => formula.clientWidth / Math.max(
    ...[...formula.querySelectorAll("math")].map((part) => part.getBoundingClientRect().width)));
  formulas.forEach(({ style }, i) => {
    if (shares[i] < 1) style.setProperty("--share", Math.max(NARROWEST, shares[i] * 0.99));
  });
  const cut = formulas.map((formula) => formula.scrollWidth > formula.clientWidth + 1);
  formulas.forEach(({ classList }, i) => classList.toggle("cut", cut[i]));
}
