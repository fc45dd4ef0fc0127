/* What computes with other numbers: `computing.run(leaves)` promises the arrays of the page, by their
   keys. A notebook names the frame around the page, and has Python run the program again; elsewhere
   the page repeats the recorded operations, if it has formulas for all of them. */

/* Python: numbers are sent to it, and arrays come back. */
function askingPython() {
  const waiting = new Map();
  let asked = 0;
  addEventListener("message", ({ source, data: message }) => {
    const answer = source === parent && message?.live;
    if (!answer || !waiting.has(answer.id)) return;
    const { resolve, reject } = waiting.get(answer.id);
    waiting.delete(answer.id);
    if (answer.error) reject(new Error(answer.error));
    else resolve(answer.arrays);
  });
  return {
    cannot: "",
    isHere: false,
    run: (leaves) => new Promise((resolve, reject) => {
      asked += 1;
      waiting.set(asked, { resolve, reject });
      // JSON has no nan and no infinity, so numbers are sent as text.
      parent.postMessage({ live: { id: asked, leaves: leaves.map((all) => all.map(String)) } }, "*");
    }),
  };
}

/* The page itself, by the formulas of the operations. */
function repeating() {
  const { program, places, shapes, cannot } = live;

  function run(leaves) {
    const changes = {};
    leaves.forEach((numbers, leaf) => {
      const { value, shape } = live.leaves[leaf];
      changes[places[value.slice(1)]] = np.make(shape, Float64Array.from(numbers));
    });
    const { values, contributions } = engine.run(program, operations, changes);
    const found = {};
    places.forEach((place, i) => { found[`v${i}`] = values[place]; });
    const sums = {};
    contributions.forEach((edge, i) => {
      const { parent, returned, fitted } = edge;
      sums[parent] = sums[parent] ? np.add(sums[parent], fitted) : fitted;
      Object.assign(found, { [`r${i}`]: returned, [`f${i}`]: fitted, [`a${i}`]: sums[parent] });
      if (`s${i}` in shapes) found[`s${i}`] = slopeOf(edge, values);
    });
    for (const [key, path] of Object.entries(live.paths)) {
      found[key] = path.reduce((g, i) => passedOn(contributions[i], values, g).fitted, np.array(1));
    }
    return Object.fromEntries(
      Object.keys(shapes).map((key) => [key, Array.from(broadcast(found[key], shapes[key]))]));
  }

  /* The derivative of every element: what comes back of a gradient of 1. */
  function slopeOf(edge, values) {
    const { incoming } = edge;
    const ones = np.make(incoming.shape, incoming.data.map(() => 1));
    return edge.slope ?? passedOn(edge, values, ones).returned;
  }

  /* What an edge makes of another gradient. */
  function passedOn(edge, values, gradient) {
    const { call } = program.items[edge.node];
    return engine.passedOn(call, edge, operations, values, values[edge.node], gradient);
  }

  /* The elements of an array, each as often as the program has it. */
  function broadcast(x, shape) {
    const size = shape.reduce((n, length) => n * length, 1);
    return x.data.length === size ? x.data : np.broadcast_to(x, shape).data;
  }

  return { cannot, isHere: true, run: async (leaves) => run(leaves) };
}

/* Whether arrays are those that Python has computed, but for rounding. */
function agrees(found) {
  return Object.entries(live.arrays).every(([key, expected]) => {
    if (typeof expected === "string") return true;
    const numbers = expected.map(Number);
    const size = Math.max(...numbers.map(Math.abs).filter(Number.isFinite), 0);
    return numbers.length === found[key].length && numbers.every((x, i) =>
      Object.is(x, found[key][i]) || Math.abs(x - found[key][i]) <= 1e-4 * size);
  });
}

const computing = window.name === "python" ? askingPython() : repeating();
