// The picture of the network: units, and a line for every weight.

const wires = document.querySelector("#wires");
const SVG = "http://www.w3.org/2000/svg";
let units,
  lines,
  seen = null; // seen: the unit that the plane shows while it is pointed at
const chosen = { layer: 0, from: 0, to: 0, point: null }; // a weight; from -1: the bias
const NARROW = 60; // pixels between columns, below which there is room for a number only

function columnsOf() {
  return net.sizes.map((units, c) => ({ units, item: c ? net.layers[c - 1].h : 0, c }));
}

const unitName = (c, i) => {
  if (c === 0) return `x${i + 1}`;
  return c === net.sizes.length - 1 ? "output" : `h${c}.${i + 1}`;
};

let planeValues = null;

// Make the elements anew, as after another number of units.
function layOut() {
  planeValues = null; // of another network: units that go take the pointer from them, and it is drawn
  const most = Math.max(...net.sizes);
  const width = wires.clientWidth;
  const columns = columnsOf();
  const tile = Math.max(22, Math.min(64, width / (columns.length * 1.7), 320 / most));
  const spacing = (width - tile) / (columns.length - 1);
  const top = spacing < NARROW ? 84 : 58;
  const row = tile * 1.25;
  const height = top + most * row;
  wires.style.height = `${height}px`;
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
  svg.setAttribute("aria-hidden", "true");
  wires.replaceChildren(svg);
  const at = (c, i) => [c * spacing, top + ((most - net.sizes[c]) * row) / 2 + i * row];
  units = columns.map(({ units, c }) =>
    Array.from({ length: units }, (_, i) => unit(c, i, at(c, i), tile)),
  );
  columns.forEach(({ units, c }) =>
    wires.append(heading(c, units, c * spacing + tile / 2, spacing < NARROW)),
  );
  lines = net.layers
    .map((layer, l) => net.sizes.slice(l, l + 2).map((n) => [...Array(n).keys()]))
    .flatMap(([from, to], l) => from.flatMap((i) => to.map((j) => wire(svg, l, i, j, at, tile))));
}

function unit(c, i, [left, top], size) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "unit";
  Object.assign(button.style, {
    left: `${left}px`,
    top: `${top}px`,
    width: `${size}px`,
    height: `${size}px`,
  });
  const canvas = button.appendChild(document.createElement("canvas"));
  canvas.width = canvas.height = CELLS;
  if (c === 0)
    button.append(Object.assign(document.createElement("i"), { textContent: unitName(c, i) }));
  const look = () => {
    seen = { c, i };
    drawPlane();
  };
  const away = () => {
    seen = null;
    drawPlane();
  };
  button.addEventListener("pointerenter", look);
  button.addEventListener("pointerleave", away);
  button.addEventListener("focus", look);
  button.addEventListener("blur", away);
  button.addEventListener("click", () => c && choose({ layer: c - 1, to: i, from: 0 }));
  const badge = button.appendChild(document.createElement("span"));
  wires.append(button);
  return { button, canvas, badge };
}

// What stands above a column: how many units it has, and buttons for more and fewer.
function heading(c, count, middle, narrow) {
  const box = document.createElement("div");
  box.className = `column ${narrow ? "narrow" : ""}`;
  if (c === 0 || c === net.sizes.length - 1) {
    box.style[c ? "right" : "left"] = 0;
    box.innerHTML = `<b>${c ? "output" : "input"}</b>`;
    return box;
  }
  Object.assign(box.style, { left: `${middle}px`, transform: "translateX(-50%)" });
  box.innerHTML = `<b>${count}${narrow ? "" : count > 1 ? " units" : " unit"}</b>`;
  for (const [sign, by, word] of [
    ["−", -1, "fewer"],
    ["+", 1, "more"],
  ]) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = sign;
    button.ariaLabel = `One unit ${word} in hidden layer ${c}`;
    button.disabled = count + by < 1 || count + by > LIMITS.units;
    button.addEventListener("click", () => {
      change({ hidden: settings.hidden.with(c - 1, count + by) });
      document.querySelector(`[aria-label="${button.ariaLabel}"]`)?.focus();
    });
    box.append(button);
  }
  return box;
}

function wire(svg, l, i, j, at, tile) {
  const [[x1, y1], [x2, y2]] = [at(l, i), at(l + 1, j)];
  const [from, to] = [
    [x1 + tile, y1 + tile / 2],
    [x2, y2 + tile / 2],
  ];
  const bend = (to[0] - from[0]) / 2;
  const d = `M${from} C${from[0] + bend},${from[1]} ${to[0] - bend},${to[1]} ${to}`;
  const path = (name) => {
    const element = svg.appendChild(document.createElementNS(SVG, "path"));
    element.setAttribute("d", d);
    element.setAttribute("class", name);
    return element;
  };
  const [halo, line, hit] = ["halo", "line", "hit"].map(path);
  const title = hit.appendChild(document.createElementNS(SVG, "title"));
  hit.addEventListener("click", () => choose({ layer: l, from: i, to: j }));
  return { l, i, j, halo, line, title };
}

// What every element shows now.
function draw() {
  const values = answers(net, PLANE);
  const states = net.layers.map((_, l) => (l < settings.hidden.length ? health(l) : []));
  columnsOf().forEach(({ item, c }) => {
    units[c].forEach(({ button, canvas, badge }, i) => {
      paint(canvas, shades(values, item, i));
      const state = (c && states[c - 1][i]) || "";
      button.className = `unit ${state} ${c === chosen.layer + 1 && i === chosen.to ? "chosen" : ""}`;
      button.ariaLabel = `${unitName(c, i)}${state && `, ${state}`}`;
      button.title = button.ariaLabel;
      badge.textContent = { dead: "dead", saturated: "sat." }[state] ?? "";
    });
  });
  drawLines();
  sayHealth(states);
  drawFlow();
  drawPlane(values);
  drawCurve();
  document.querySelector("#count").innerHTML =
    `epoch <b>${epoch()}</b> · loss <b>${written(losses.at(-1))}</b> · <b>${Math.round(accuracy() * 100)} %</b> right`;
  if (!training || performance.now() - explained > 200) explain();
}

function drawLines() {
  const kind = document.querySelector("input[name=lines]:checked").value;
  const arrays = net.layers.map(({ W }) => [net.program.items[W].value, now.gradients[W]]);
  const shown = arrays.map(
    ([weights, gradients]) => (kind === "weights" ? weights : gradients).data,
  );
  const largest = Math.max(
    1e-300,
    ...shown.map((data) => data.reduce((most, x) => Math.max(most, Math.abs(x)), 0)),
  );
  for (const { l, i, j, halo, line, title } of lines) {
    const at = i * net.sizes[l + 1] + j;
    const value = shown[l][at];
    const now = chosen.layer === l && chosen.from === i && chosen.to === j;
    line.setAttribute("stroke", `var(--${value < 0 ? "minus" : "plus"})`);
    const width = 0.4 + (5.6 * Math.abs(value)) / largest;
    line.setAttribute("stroke-width", width.toFixed(2));
    line.setAttribute("stroke-opacity", (0.25 + (0.75 * Math.abs(value)) / largest).toFixed(2));
    halo.setAttribute("stroke-width", now ? (width + 8).toFixed(2) : 0);
    const [weights, gradients] = arrays[l];
    title.textContent = `${unitName(l, i)} → ${unitName(l + 1, j)}: weight ${written(weights.data[at])}, gradient ${written(gradients.data[at])}`;
  }
}

// Which units have stopped to learn, by name.
function sayHealth(states) {
  const named = (state) =>
    states.flatMap((of, l) => of.map((s, i) => s === state && unitName(l + 1, i)).filter(Boolean));
  const dead = named("dead");
  const saturated = named("saturated");
  const words = [];
  if (dead.length) words.push(`<b>Dead</b>, with slope 0 for all points: ${dead.join(", ")}.`);
  if (saturated.length)
    words.push(`<b>Saturated</b>, flat for 90 % of the points or more: ${saturated.join(", ")}.`);
  if (diverged())
    words.push(
      "<b>The loss is not finite any more</b>: the learning rate is too large for these weights.",
    );
  const said = words.join(" ") || "No unit is dead or saturated.";
  if (said !== sayHealth.said) document.querySelector("#health").innerHTML = sayHealth.said = said;
}

// How large a gradient arrives at the weights of each layer.
function drawFlow() {
  const sizes = net.layers.map(({ W }) =>
    Math.sqrt(now.gradients[W].data.reduce((s, g) => s + g * g, 0) / now.gradients[W].data.length),
  );
  const largest = Math.max(...sizes.filter(Number.isFinite), 1e-300);
  const rows = sizes.map(
    (size, l) =>
      `<tr><th>gradient of W${l + 1}</th><td>${written(size)}</td>` +
      `<td><span class="bar" style="width:${(Math.min(size / largest, 1) * 7 || 0).toFixed(2)}rem"></span></td></tr>`,
  );
  document.querySelector("#flow").innerHTML =
    `<table><caption hidden>Root mean square</caption>${rows.join("")}</table>`;
}

const plane = document.querySelector("#plane");

function drawPlane(values = planeValues) {
  planeValues = values;
  if (!values) return;
  const { c, i } = seen ?? { c: net.sizes.length - 1, i: 0 };
  if (c >= net.sizes.length || i >= net.sizes[c]) return;
  const item = c ? net.layers[c - 1].h : 0;
  paint(plane, shades(values, item, i), 0.55);
  paintPoints(plane, settings.data, 7, chosen.point);
  document.querySelector("#shown").textContent = seen
    ? `What ${unitName(c, i)} answers`
    : "What the network answers";
}

plane.addEventListener("click", ({ offsetX, offsetY }) => {
  const place = (offset) => (offset / plane.clientWidth) * 2 * EDGE - EDGE;
  const far = POINTS(settings.data).X.map(([a, b]) =>
    Math.hypot(a - place(offsetX), b + place(offsetY)),
  );
  choose({ point: far.indexOf(Math.min(...far)) });
});
plane.addEventListener("keydown", (event) => {
  const by = { ArrowUp: -1, ArrowDown: 1 }[event.key];
  if (!by) return;
  event.preventDefault();
  const n = POINTS(settings.data).y.length;
  choose({ point: ((chosen.point ?? 0) + by + n) % n });
});

function drawCurve() {
  const [width, height, left] = [280, 110, 34];
  const finite = losses.filter(Number.isFinite);
  const most = Math.max(...finite.slice(0, 1), ...thinned(finite));
  const x = (i) => left + ((width - left) * i) / Math.max(1, losses.length - 1);
  const y = (loss) => height - 14 - ((height - 22) * loss) / most;
  const every = Math.ceil(losses.length / 400);
  const points = losses
    .map((loss, i) => [i, loss])
    .filter(([i, loss]) => Number.isFinite(loss) && (i % every === 0 || i === losses.length - 1));
  document.querySelector("#curve").innerHTML =
    `<line x1="${left}" x2="${width}" y1="${height - 14}" y2="${height - 14}"/>` +
    `<text x="${left - 4}" y="${y(most) + 4}" text-anchor="end">${written(most)}</text>` +
    `<text x="${left - 4}" y="${height - 11}" text-anchor="end">0</text>` +
    `<text x="${left}" y="${height - 1}">0</text>` +
    `<text x="${width}" y="${height - 1}" text-anchor="end">epoch ${epoch()}</text>` +
    `<path d="M${points.map(([i, loss]) => `${x(i).toFixed(1)},${y(loss).toFixed(1)}`).join("L")}"/>`;
}

const thinned = (numbers) => numbers.filter((_, i) => i % Math.ceil(numbers.length / 400) === 0);
