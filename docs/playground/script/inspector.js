// The chain rule for one weight, with its numbers.

function written(x, digits = 3) {
  if (!Number.isFinite(x)) return Number.isNaN(x) ? "nan" : x > 0 ? "∞" : "−∞";
  if (x === 0) return "0";
  const size = Math.abs(x);
  const text =
    size < 1e-3 || size >= 1e5
      ? size.toExponential(digits - 1)
      : String(Number(size.toPrecision(digits)));
  return (x < 0 ? "−" : "") + text.replace("e-", "e−").replace("e+", "e");
}

const mn = (x) => `<mn>${written(x)}</mn>`;
const exact = (x) => `<mn>${written(x, 6)}</mn>`;
const inBrackets = (x) => (x < 0 ? `<mrow><mo>(</mo>${mn(x)}<mo>)</mo></mrow>` : mn(x));
const mi = (letter, below) =>
  below ? `<msub><mi>${letter}</mi><mtext>${below}</mtext></msub>` : `<mi>${letter}</mi>`;
const mo = (sign) => `<mo form="infix">${sign}</mo>`;
const partial = (of, by) =>
  `<mfrac><mrow><mo>∂</mo>${of}</mrow><mrow><mo>∂</mo>${by}</mrow></mfrac>`;
const equation = (...pieces) =>
  `<div class="math">${pieces.map((piece) => `<math displaystyle="true">${piece}</math>`).join("<wbr>")}</div>`;

const L = mi("L");
const last = () => net.sizes.length - 2;
const zOf = (l, j) => (l === last() ? mi("z") : mi("z", `${l + 1}.${j + 1}`));
const hOf = (c, i) => (c === 0 ? mi("x", i + 1) : mi("h", `${c}.${i + 1}`));

const column = (item, j) => {
  const { shape, data } = item;
  return Array.from({ length: shape[0] }, (_, n) => data[n * shape[1] + j]);
};

// What each point adds to the gradient of a weight: what came in, times what came back.
function shares({ layer, from, to }) {
  const { x, z } = net.layers[layer];
  const back = column(now.gradients[z], to);
  const entered = from < 0 ? back.map(() => 1) : column(now.values[x], from);
  return { entered, back, each: back.map((g, n) => g * entered[n]) };
}

let explained = 0; // when: while it trains, nobody could read it sixty times a second

function explain() {
  explained = performance.now();
  const { layer, from, to } = chosen;
  const { entered, back, each } = shares(chosen);
  const n =
    chosen.point ??
    each.reduce((best, share, i) => (Math.abs(share) > Math.abs(each[best]) ? i : best), 0);
  const parameter = net.layers[layer][from < 0 ? "b" : "W"];
  const at = from < 0 ? to : from * net.sizes[layer + 1] + to;
  const [value, gradient] = [
    net.program.items[parameter].value.data[at],
    now.gradients[parameter].data[at],
  ];
  const weight = mi(from < 0 ? "b" : "w");
  const name = from < 0 ? `b${layer + 1}[${to}]` : `W${layer + 1}[${from}, ${to}]`;
  const z = zOf(layer, to);
  const came = from < 0 ? mn(1) : hOf(layer, from);
  const { X, y } = POINTS(settings.data);
  document.querySelector("#rule").innerHTML = `
    <div><h3><code>${name}</code> = ${written(value)}, and its gradient: the sum over all ${each.length} points</h3>
    ${equation(
      partial(L, weight),
      `${mo("=")}<mo>∑</mo>${came}${mo("·")}${partial(L, z)}`,
      ...sides(each),
      `${mo("=")}${mn(gradient)}`,
    )}
    ${bar(each)}
    <h3>The next step</h3>
    ${equation(
      `${weight}${mo("−")}<mi>η</mi>${mo("·")}${partial(L, weight)}`,
      `${mo("=")}${exact(value)}${mo("−")}${mn(settings.rate)}${mo("·")}${inBrackets(gradient)}`,
      `${mo("=")}${exact(value - settings.rate * gradient)}`,
    )}</div>
    <div><h3>One point, ${chosen.point === null ? "the one that counts most" : "the one you chose"}:
      x = (${X[n].map((x) => written(x)).join(", ")}), class ${y[n]}</h3>
    ${backTo(layer, to, n)}
    ${equation(`${came}${mo("·")}${partial(L, z)}`, `${mo("=")}${inBrackets(entered[n])}${mo("·")}${inBrackets(back[n])}`, `${mo("=")}${mn(each[n])}`)}
    <p>This is what the point adds to the gradient.</p></div>`;
}

// A sum in two parts: what pulls down, and what pulls up.
function parts(each) {
  const sum = (numbers) => numbers.reduce((a, b) => a + b, 0);
  return [sum(each.filter((share) => share < 0)), sum(each.filter((share) => share > 0))];
}

function sides(each) {
  const [down, up] = parts(each);
  return down && up ? [`${mo("=")}${mn(up)}${mo("−")}${mn(-down)}`] : [];
}

function bar(each) {
  const [down, up] = parts(each);
  const share = (100 * -down) / (up - down) || 0;
  const count = (test) => each.filter(test).length;
  return `<div class="shares" aria-hidden="true"><i style="width:${share}%"></i><i style="width:${down || up ? 100 - share : 0}%"></i></div>
    <p>${count((s) => s < 0)} points add a negative share, ${count((s) => s > 0)} a positive one, ${count((s) => s === 0)} none.</p>`;
}

// What came back to a unit for one point, and from where.
function backTo(layer, j, n) {
  const at = (item, array = now.gradients) => column(array[item], j)[n];
  const { z, h } = net.layers[layer];
  if (layer === last()) {
    const { y } = POINTS(settings.data);
    const p = 1 / (1 + Math.exp(-column(now.values[z], 0)[n]));
    return equation(
      partial(L, mi("z")),
      `${mo("=")}<mfrac><mrow><mi>σ</mi><mo>(</mo>${mi("z")}<mo>)</mo>${mo("−")}${mi("y")}</mrow><mi>n</mi></mfrac>`,
      `${mo("=")}<mfrac><mrow>${mn(p)}${mo("−")}${mn(y[n])}</mrow>${mn(y.length)}</mfrac>`,
      `${mo("=")}${mn(at(z))}`,
    );
  }
  const next = net.layers[layer + 1];
  const weights = net.program.items[next.W].value;
  const units = [...Array(net.sizes[layer + 2]).keys()];
  const terms = units.map(
    (k) =>
      `${k ? mo("+") : mo("=")}${inBrackets(weights.data[j * units.length + k])}${mo("·")}${inBrackets(column(now.gradients[next.z], k)[n])}`,
  );
  const unit = hOf(layer + 1, j);
  const ofUnit = equation(
    partial(L, unit),
    `${mo("=")}${units.length > 1 ? "<mo>∑</mo>" : ""}${mi("w")}${mo("·")}${partial(L, units.length > 1 ? mi("z", `${layer + 2}.k`) : zOf(layer + 1, 0))}`,
    ...terms,
    `${mo("=")}${mn(at(h))}`,
  );
  if (h === z) return ofUnit.replaceAll(unit, zOf(layer, j));
  const slope = column(now.contributions.find(({ node }) => node === h).slope, j)[n];
  const bend = partial(unit, zOf(layer, j));
  return (
    ofUnit +
    equation(
      bend,
      `${mo("=")}${choices.activations[settings.activation].slope}`,
      `${mo("=")}${mn(slope)}`,
    ) +
    equation(
      partial(L, zOf(layer, j)),
      `${mo("=")}${partial(L, unit)}${mo("·")}${bend}`,
      `${mo("=")}${inBrackets(at(h))}${mo("·")}${inBrackets(slope)}`,
      `${mo("=")}${mn(at(z))}`,
    )
  );
}

// --- which weight ---------------------------------------------------------------------------------

const into = document.querySelector("#into");
const from = document.querySelector("#from");

function choose(part) {
  Object.assign(chosen, part);
  offer();
  draw();
}

function offer() {
  chosen.layer = Math.min(chosen.layer, net.layers.length - 1);
  chosen.to = Math.min(chosen.to, net.sizes[chosen.layer + 1] - 1);
  chosen.from = Math.min(chosen.from, net.sizes[chosen.layer] - 1);
  const option = (value, text, now) =>
    `<option value="${value}" ${now ? "selected" : ""}>${text}</option>`;
  into.innerHTML = net.layers
    .flatMap((_, l) =>
      [...Array(net.sizes[l + 1]).keys()].map((j) =>
        option(`${l},${j}`, unitName(l + 1, j), l === chosen.layer && j === chosen.to),
      ),
    )
    .join("");
  from.innerHTML =
    [...Array(net.sizes[chosen.layer]).keys()]
      .map((i) => option(i, unitName(chosen.layer, i), i === chosen.from))
      .join("") + option(-1, "its bias", chosen.from < 0);
}

into.addEventListener("change", () => {
  const [layer, to] = into.value.split(",").map(Number);
  choose({ layer, to });
});
from.addEventListener("change", () => choose({ from: Number(from.value) }));
