// Gradient descent, step by step, on all of the data.

const LIMITS = { layers: 6, units: 8 };
const FIRST = {
  data: "moons",
  hidden: [4, 4],
  activation: "tanh",
  init: "xavier_normal",
  rate: 0.3,
  seed: 1,
};
const settings = { ...FIRST };
let net, now, losses, rates;

// Begin with the weights that belong to the settings.
function begin() {
  net = build(settings);
  now = engine.run(net.program, operations);
  losses = [lossNow()];
  rates = [[0, settings.rate]];
}

const epoch = () => losses.length - 1;
const lossNow = () => now.values[net.program.root].data[0];
const diverged = () => !Number.isFinite(losses.at(-1));

function step() {
  if (diverged()) return;
  for (const { item } of net.parameters) {
    const leaf = net.program.items[item];
    leaf.value = np.subtract(leaf.value, np.multiply(settings.rate, now.gradients[item]));
  }
  now = engine.run(net.program, operations);
  losses.push(lossNow());
}

function setRate(rate) {
  settings.rate = rate;
  rates = [...rates.filter(([from]) => from < epoch()), [epoch(), rate]];
}

function accuracy() {
  const { y } = POINTS(settings.data);
  const scores = now.values[net.layers.at(-1).z].data;
  return y.filter((label, i) => scores[i] > 0 === label > 0).length / y.length;
}

// As tinygrad_edu.debugging.unit_health: dead, if no sample reaches a unit; saturated, if its slope
// is below a twentieth of the steepest for nearly all of them.
function health(layer) {
  const passed = now.contributions.find(
    ({ node }) => node === net.layers[layer].h && node !== net.layers[layer].z,
  );
  if (!passed) return [];
  const units = net.sizes[layer + 1];
  const flat = choices.activations[settings.activation].steepest / 20;
  return Array.from({ length: units }, (_, j) => {
    const slopes = [...passed.slope.data].filter((_, i) => i % units === j).map(Math.abs);
    if (slopes.every((slope) => slope === 0)) return "dead";
    const share = slopes.filter((slope) => slope < flat).length / slopes.length;
    return share >= 0.9 && settings.activation !== "relu" ? "saturated" : "";
  });
}
