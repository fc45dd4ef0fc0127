/* Moves: other numbers, tried one after the other, and back again. Of each move is told what the
   gradient promised, and what came. */

const leaves = live.leaves;
const states = []; // {numbers, output, gradients, move}: what was tried, the present one last
let picked = null; // which number is changed: [leaf, index]
const queue = []; // {numbers, move}: what is to be computed
let atWork = null; // what is being computed

const now = () => states.at(-1);
const latest = () => queue.at(-1) ?? atWork ?? now();
const copied = (numbers) => numbers.map((all) => [...all]);
const fields = leaves.map(() => []);

/* What a number is called in the program: w, or W[0, 1]. */
function nameOf([leaf, index]) {
  const { name, shape } = leaves[leaf];
  if (!shape.length) return name;
  const place = [];
  for (const length of [...shape].reverse()) {
    place.unshift(index % length);
    index = Math.floor(index / length);
  }
  return `${name}[${place.join(", ")}]`;
}

// --- computing -----------------------------------------------------------------------------------

/* Try numbers. Several changes of one number, one after the other, are one move. */
async function tryOut(numbers, move) {
  const before = latest().move;
  const goesOn = move.kind === "set" && before.kind === "set" && before.at === move.at;
  const notBegun = goesOn ? queue.pop() : undefined;
  queue.push({ numbers, move: { again: notBegun?.move.again ?? goesOn, ...move } });
  if (atWork) return;
  while (queue.length) {
    atWork = queue.shift();
    try {
      accept(await computing.run(atWork.numbers));
      arrive(atWork);
    } catch (error) {
      $("report").replaceChildren(fact("not to be computed:", error.message, "wrong"));
    }
    atWork = null;
  }
}

function arrive({ numbers, move }) {
  if (move.again) states.pop();
  const gradients = leaves.map(({ gradient }) => (gradient ? [...arrays[gradient]] : null));
  states.push({ numbers, output: arrays[live.root][0], gradients, move });
  present();
}

/* Show the present numbers everywhere. */
function present() {
  const isChanged = JSON.stringify(now().numbers) !== JSON.stringify(states[0].numbers);
  document.body.classList.toggle("changed", isChanged);
  if (isChanged) asking = false; // questions are about the numbers of the beginning
  write();
  now().numbers.forEach((all, leaf) => all.forEach((x, i) => {
    const field = fields[leaf][i];
    if (field !== document.activeElement) field.value = shortened(x);
  }));
  if (picked && $("amount") !== document.activeElement) aim();
  $("undo").disabled = $("restart").disabled = states.length === 1;
  report();
  drawCurve();
}

const shortened = (x) => Number(x.toPrecision(4));

// --- moves ---------------------------------------------------------------------------------------

/* Give the picked number another value. */
function change(value, kind = "set") {
  const numbers = copied(latest().numbers);
  const [leaf, index] = picked;
  numbers[leaf][index] = value;
  tryOut(numbers, { kind, at: picked });
}

function nudge() {
  const [leaf, index] = picked;
  const by = Number($("by").value);
  if (by) change(latest().numbers[leaf][index] + by, "nudge");
}

/* One step of gradient descent; not before it is known where we are. */
function descend() {
  if (atWork) return;
  const { numbers, gradients } = now();
  const rate = Number($("rate").value);
  tryOut(numbers.map((all, leaf) => all.map((x, i) => x - rate * (gradients[leaf]?.[i] ?? 0))),
    { kind: "step" });
}

/* Another row of the batch, of which the program sees one. */
function chooseRow(row) {
  const numbers = latest().numbers.map((all, leaf) => leaves[leaf].rows[row] ?? all);
  tryOut(numbers.map((all) => all.map(Number)), { kind: "row" });
}

/* Back to the state before; all the way, if told to. */
function goBack(all = false) {
  if (atWork || states.length === 1) return;
  states.length = all ? 1 : states.length - 1;
  tryOut(now().numbers, { ...now().move, again: true });
}

// --- what came of it -----------------------------------------------------------------------------

const fact = (name, value, kind) => make("span", kind, `${name} `, make("b", "", value));
const shown = (x, digits = 4) => shortNumber(x, digits);

function report() {
  const { move, numbers, output } = now();
  const before = states.at(-2);
  if (!before) {
    $("report").replaceChildren(fact(live.name, shown(output)));
    return;
  }
  const came = output - before.output;
  const facts = [fact(live.name, `${shown(before.output)} → ${shown(output)}`)];
  if (move.kind === "step") {
    const promised = leaves.reduce((sum, _, leaf) => sum + (before.gradients[leaf] ?? []).reduce(
      (sum, g, i) => sum + g * (numbers[leaf][i] - before.numbers[leaf][i]), 0), 0);
    facts.push(fact("promised", shown(promised, 3)), fact("came", shown(came, 3)));
  } else if (move.at) {
    const [leaf, index] = move.at;
    const moved = numbers[leaf][index] - before.numbers[leaf][index];
    const gradient = before.gradients[leaf]?.[index];
    const name = nameOf(move.at);
    if (moved) facts.push(fact(`Δ${live.name} / Δ${name}`, shown(came / moved)));
    if (gradient !== undefined) facts.push(fact(`∂${live.name} / ∂${name}`, shown(gradient)));
  }
  $("report").replaceChildren(...facts);
}

/* The outputs of all that was tried. */
function drawCurve() {
  const outputs = states.map(({ output }) => output).filter(Number.isFinite);
  const curve = $("curve");
  curve.toggleAttribute("hidden", outputs.length < 2);
  const low = Math.min(...outputs), high = Math.max(...outputs);
  const points = outputs.map((y, i) => [
    4 + (112 * i) / Math.max(1, outputs.length - 1),
    high > low ? 21 - (18 * (y - low)) / (high - low) : 12,
  ]);
  curve.setAttribute("aria-label", `${live.name} so far: ${outputs.map((y) => shown(y)).join(", ")}`);
  curve.innerHTML = `<polyline points="${points.join(" ")}"/>` + (points.length > 30 ? points.slice(-1)
    : points).map(([x, y]) => `<circle cx="${x}" cy="${y}" r="2.5"/>`).join("");
}

// --- the fields ----------------------------------------------------------------------------------

const groups = leaves.map(() => document.createElement("fieldset"));
const names = leaves.map(() => document.createElement("button"));
const FEW = 8; // numbers, of which all are seen at once; of more, those of one leaf

/* Let a number be the one that the slider and the nudge change. */
function choose(leaf, index) {
  if (picked?.[0] === leaf && picked[1] === index) return;
  groups.forEach((group, i) => { group.hidden = !$("names").hidden && i !== leaf; });
  names.forEach((button, i) => button.setAttribute("aria-pressed", i === leaf));
  if (picked) mark(picked, false);
  picked = [leaf, index];
  mark(picked, true);
  $("which").textContent = nameOf(picked);
  aim();
}

function mark([leaf, index], isPicked) {
  fields[leaf][index].classList.toggle("chosen", isPicked);
  const { node } = leaves[leaf];
  if (node) $(node).classList.toggle("chosen", isPicked);
}

/* Let the slider reach as far to both sides of the picked number. */
function aim() {
  const [leaf, index] = picked;
  const value = now().numbers[leaf][index];
  const reach = Math.max(1, Math.abs(value));
  Object.assign($("amount"), { min: value - reach, max: value + reach, step: reach / 100 });
  $("amount").value = value;
}

function addLeaf({ name, shape }, leaf) {
  const group = groups[leaf];
  const legend = document.createElement("legend");
  legend.textContent = name;
  const numbers = document.createElement("div");
  numbers.className = shape.length ? "numbers matrix" : "numbers";
  numbers.style.gridTemplateColumns = `repeat(${Math.min(shape.at(-1) ?? 1, 8)}, auto)`;
  now().numbers[leaf].forEach((x, index) => {
    const field = document.createElement("input");
    Object.assign(field, { type: "number", step: "0.1", defaultValue: shortened(x) });
    field.setAttribute("aria-label", nameOf([leaf, index]));
    field.addEventListener("focus", () => choose(leaf, index));
    field.addEventListener("input", () => {
      if (field.value !== "") change(Number(field.value));
    });
    field.addEventListener("blur", () => { field.value = shortened(now().numbers[leaf][index]); });
    fields[leaf].push(field);
    numbers.append(field);
  });
  group.append(legend, numbers);
  $("leaves").append(group);
  names[leaf].textContent = name;
  names[leaf].addEventListener("click", () => choose(leaf, 0));
  $("names").append(names[leaf]);
  const { node } = leaves[leaf];
  if (node) $(node).addEventListener("click", () => choose(leaf, 0));
}

function begin() {
  const numbers = leaves.map(({ value }) => arrays[value]);
  const gradients = leaves.map(({ gradient }) => (gradient ? arrays[gradient] : null));
  states.push({ numbers, output: arrays[live.root][0], gradients, move: { kind: "begin" } });
  leaves.forEach(addLeaf);
  $("names").hidden = numbers.flat().length <= FEW || leaves.length === 1;
  choose(Math.max(0, leaves.findIndex(({ gradient }) => gradient)), 0);
  present();
  $("amount").addEventListener("input", () => change(Number($("amount").value)));
  for (const [id, act] of Object.entries({ nudge, descend, undo: () => goBack(), restart: () => goBack(true) })) {
    $(id).addEventListener("click", act);
  }
  const rows = Math.max(...leaves.map((leaf) => leaf.rows.length));
  $("row").hidden = !rows;
  $("which-row").max = rows - 1;
  $("which-row").addEventListener("input", () => {
    const row = Number($("which-row").value);
    if ($("which-row").value !== "" && row in [...Array(rows)]) chooseRow(row);
  });
  $("live").open = innerWidth >= 700;
  $("live").addEventListener("toggle", () => dispatchEvent(new Event("resize")));
  if (!computing.isHere) return;
  computing.run(numbers).then((found) => {
    if (!agrees(found)) return stayFilm("This page computes other numbers than Python: it stays a film.");
    accept(found); // large arrays as a whole
    present();
  });
}

whenWritten.unshift(markStory); // first the numbers, then what computes with them

function stayFilm(reason) {
  $("live").hidden = true;
  $("film").hidden = false;
  $("film").textContent = reason;
}

accept(live.arrays);
if (computing.cannot) {
  stayFilm(computing.cannot);
} else if (!leaves.length) {
  stayFilm("No numbers can be changed here, as all arrays are large: it stays a film.");
} else {
  begin();
}
