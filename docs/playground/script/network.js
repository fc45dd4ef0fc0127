// The network as a program of the engine: data, parameters, and the calls between them.

const POINTS = (name) => choices.data[name];

function build({ data, hidden, activation, init, seed }) {
  const { X, y } = POINTS(data);
  const items = [{ value: np.array(X) }, { value: np.array(y.map((label) => [label])) }];
  const parameters = [];
  const layers = [];
  const sizes = [2, ...hidden, 1];
  const random = generator(seed);
  sizes.slice(1).forEach((units, l) => {
    for (const [letter, shape] of [
      ["W", [sizes[l], units]],
      ["b", [units]],
    ]) {
      const value = letter === "W" ? drawn(init, shape, random) : np.make(shape);
      parameters.push({ name: `${letter}${l + 1}`, item: items.length, start: value });
      items.push({ value });
    }
  });
  let x = 0;
  sizes.slice(1).forEach((_, l) => {
    const [W, b] = parameters.slice(2 * l, 2 * l + 2).map(({ item }) => item);
    const edges = [
      { position: 1, name: "W", parent: W },
      { position: 2, name: "b", parent: b },
    ];
    if (l) edges.unshift({ position: 0, name: "x", parent: x });
    const layer = { x, W, b, z: items.length };
    items.push({
      call: {
        operation: "linear",
        arguments: { x: { item: x }, W: { item: W }, b: { item: b } },
        edges,
      },
    });
    x = layer.z;
    if (l < hidden.length && activation !== "none") {
      const call = {
        operation: activation,
        arguments: { x: { item: x }, ...choices.activations[activation].options },
      };
      items.push({ call: { ...call, edges: [{ position: 0, name: "x", parent: x }] } });
      x = items.length - 1;
    }
    layer.h = x;
    layers.push(layer);
  });
  const loss = { logits: { item: x }, targets: { item: 1 }, reduction: "mean" };
  items.push({
    call: {
      operation: "sigmoid_cross_entropy",
      arguments: loss,
      edges: [{ position: 0, name: "logits", parent: x }],
    },
  });
  return { program: { items, root: items.length - 1 }, parameters, layers, sizes };
}

// What each layer answers for other inputs than the data.
function answers({ program, layers }, X) {
  const items = program.items.slice(0, program.root);
  return engine.forward({ items, root: program.root - 1 }, operations, { 0: X });
}

const SPREADS = {
  xavier_normal: ([inputs, outputs]) => Math.sqrt(2 / (inputs + outputs)),
  he_normal: ([inputs]) => Math.sqrt(2 / inputs),
  normal: () => 1,
  small: () => 0.01,
  zeros: () => 0,
};

function drawn(init, shape, random) {
  const spread = SPREADS[init](shape);
  return np.make(
    shape,
    Float64Array.from({ length: np.sizeOf(shape) }, () => spread && spread * normal(random)),
  );
}

// Numbers between 0 and 1 that depend on the seed alone (mulberry32).
function generator(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

// From a normal distribution, by the method of Box and Muller.
const normal = (random) =>
  Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
