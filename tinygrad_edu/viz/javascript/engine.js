// Runs a recorded program again, forward and backward, with the formulas of its operations.
//
//   const { values, gradients, contributions } = engine.run(program, operations, { 0: 2.5 });
//
// `program` and `operations` are what `tinygrad_edu.viz.javascript` writes. A program is
// {items, root}: its items in the order in which they were made, each a leaf with a `value`, or a
// `call` of an operation. The last argument has new values for leaves, by their place among items.
//
//   values[i]         the value of each item, an array {shape, data};
//   gradients[i]      dL/d(item), where one came back, with L for the root;
//   contributions     what each edge sent back, in the order of the engine: {node, position, name,
//                     parent, incoming, slope, returned, fitted}: dL/d(node), dy/dx if the formula
//                     states that, what it makes of the gradient, and that in the parent's shape.
//
// A page that makes its programs itself, as the playground does, writes items of the same form.

const engine = (() => {
  function run(program, operations, changes = {}) {
    const values = forward(program, operations, changes);
    return { values, ...backward(program, operations, values) };
  }

  function forward(program, operations, changes = {}) {
    const values = [];
    program.items.forEach((item, i) => {
      values.push(
        rounded(item, item.call ? computed(item.call, operations, values) : leaf(item, changes[i])),
      );
    });
    return values;
  }

  // Arrays are float64; those that were float32 have its precision.
  function rounded(item, x) {
    return item.dtype === "float32"
      ? np.make(x.shape, Float64Array.from(Float32Array.from(x.data)))
      : x;
  }

  function leaf(item, change) {
    if (change !== undefined) return np.array(change);
    return np.isArray(item.value)
      ? item.value
      : np.make(item.value.shape, Float64Array.from(item.value.data, Number));
  }

  function computed(call, operations, values) {
    const operation = operations[call.operation];
    const scope = laidOut(operation, given(call, values));
    const value = np.array(operation.value(scope));
    if (operation.layout !== "reduction" || scope.keepdims) return value;
    return np.reshape(value, np.reduced(value.shape, scope.axis));
  }

  // The arguments of a call by name: {item: 3} is what that item has, {items: [3, 4]} a list.
  function given(call, values) {
    const scope = {};
    for (const [name, argument] of Object.entries(call.arguments)) {
      if (argument?.item !== undefined) scope[name] = values[argument.item];
      else if (argument?.items) scope[name] = argument.items.map((i) => values[i]);
      else scope[name] = argument;
    }
    return scope;
  }

  // --- the way back ----------------------------------------------------------------------------

  // 0 * inf is nan; as in the engine, the walk is done again with zeros that absorb only if it is met.
  function backward(program, operations, values) {
    const plain = walk(program, operations, values, (g) => g);
    const leaves = plain.gradients.filter((g, i) => g && !program.items[i].call);
    const met = leaves.some((g) => g.data.some((value) => value !== value));
    return met ? walk(program, operations, values, np.marked) : plain;
  }

  function walk(program, operations, values, mark) {
    const { items, root } = program;
    const gradients = new Array(items.length);
    const contributions = [];
    gradients[root] = np.make(
      values[root].shape,
      values[root].data.map(() => 1),
    );
    for (let i = root; i >= 0; i--) {
      if (!gradients[i] || !items[i].call) continue;
      for (const edge of items[i].call.edges) {
        const passed = passedOn(
          items[i].call,
          edge,
          operations,
          values,
          values[i],
          mark(gradients[i]),
        );
        const fitted = rounded(items[edge.parent], passed.fitted);
        contributions.push({ node: i, ...edge, incoming: gradients[i], ...passed, fitted });
        const before = gradients[edge.parent];
        gradients[edge.parent] = before ? np.add(before, fitted) : fitted;
      }
    }
    return { gradients, contributions };
  }

  function passedOn(call, edge, operations, values, y, g) {
    const operation = operations[call.operation];
    const scope = laidOut(operation, { ...given(call, values), y, g, place: edge.place });
    const slope = operation.slopes[edge.name]?.(scope);
    const returned =
      slope === undefined ? operation.gradients[edge.name](scope) : np.multiply(scope.g, slope);
    const operand = scope[edge.name];
    const { shape } = Array.isArray(operand) ? operand[edge.place] : operand;
    const fitted = np.reshape(fit(returned, shape), values[edge.parent].shape);
    return {
      slope: slope === undefined ? slope : np.array(slope),
      returned,
      fitted: np.make(fitted.shape, fitted.data),
    };
  }

  // What was repeated on the way forward gets a sum, what was left as it is for all, that for each.
  function fit(g, shape) {
    return np.sizeOf(g.shape) < np.sizeOf(shape)
      ? np.broadcast_to(g, shape)
      : np.unbroadcast(g, shape);
  }

  // --- in which shapes formulas take their operands ----------------------------------------------

  function laidOut(operation, scope) {
    return operation.layout ? layouts[operation.layout](scope, operation.first) : scope;
  }

  const reshaped = (scope, names, shape) => {
    const found = names.filter((name) => scope[name]?.shape);
    return {
      ...scope,
      ...Object.fromEntries(found.map((name) => [name, np.reshape(scope[name], shape)])),
    };
  };

  const layouts = {
    // Vectors as a row and a column.
    product(scope) {
      const [row, column] = [scope.a.shape.length === 1, scope.b.shape.length === 1];
      if (!scope.g) return scope;
      const shape = [...scope.g.shape, ...(column ? [1] : [])];
      if (row) shape.splice(shape.length - 1, 0, 1);
      scope = reshaped(scope, ["y", "g"], shape);
      if (row) scope = reshaped(scope, ["a"], [1, -1]);
      return column ? reshaped(scope, ["b"], [-1, 1]) : scope;
    },

    // A vector as a column.
    column(scope) {
      if (!scope.g || scope.b.shape.length > 1) return scope;
      const [b, y, g] = [scope.b, scope.y, scope.g].map((x) => np.expand_dims(x, -1));
      return { ...scope, b, y, g };
    },

    // What is reduced is so along the last axis.
    last: (scope) => ({ ...scope, axis: -1 }),

    // Samples as rows, also a single one, or samples of several axes.
    rows(scope) {
      if (!scope.g) return scope;
      scope = reshaped(scope, ["x"], [-1, scope.x.shape.at(-1)]);
      return reshaped(scope, ["y", "g"], [-1, scope.g.shape.at(-1)]);
    },

    // What there is for each channel, beside samples and places.
    channels(scope) {
      const { shape } = scope.x;
      const axis = shape.map((_, i) => i).filter((i) => i !== 1);
      return { ...reshaped(scope, ["gain", "b"], np.kept(shape, axis).slice(1)), axis };
    },

    // With the axes that were reduced, of length 1.
    reduction(scope) {
      const operands = [scope.x, scope.a, scope.b].filter((x) => x?.shape);
      const shape = np.broadcastShapes(...operands.map((x) => x.shape));
      const n = np.sizeOf(shape) / np.sizeOf(np.kept(shape, scope.axis));
      return { ...reshaped(scope, ["y", "g"], np.kept(shape, scope.axis)), n };
    },

    // Losses of each element.
    elements(scope, first) {
      return { ...scope, n: scope.reduction === "mean" ? scope[first].data.length : 1 };
    },

    // Losses of each sample, with its classes along the last axis; labels as rows.
    samples(scope, first) {
      const { shape } = scope[first];
      const classes = shape.at(-1);
      const n = scope.reduction === "mean" ? np.sizeOf(shape) / classes : 1;
      if ("labels" in scope && np.array(scope.labels).shape.length < shape.length) {
        scope = { ...scope, labels: np.one_hot(scope.labels, classes) };
      }
      const beside = scope.reduction === "none" && scope.g;
      return { ...scope, n, ...(beside ? { g: np.expand_dims(scope.g, -1) } : {}) };
    },
  };

  return { run, forward, backward, passedOn };
})();
