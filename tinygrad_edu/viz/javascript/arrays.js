// Arrays as NumPy's, as far as the formulas of operations need them: `np.add(a, b)`, `np.sum(a)`.
//
// An array is {shape, data}: its elements in a row, as float64; booleans are 0 and 1. Functions take
// numbers and nested lists, too. None, here null, is an operand that was left out: b + None is b.
//
// A gradient may be marked as one whose zeros absorb: 0 * inf is 0 on the way back, as in the engine.

const np = (() => {
  const sizeOf = (shape) => shape.reduce((n, length) => n * length, 1);
  const make = (shape, data = new Float64Array(sizeOf(shape))) => ({ shape, data });
  const isArray = (x) => x instanceof Object && x.data instanceof Float64Array;
  const sameShape = (a, b) => a.length === b.length && a.every((n, i) => n === b[i]);

  function array(x) {
    if (isArray(x)) return x;
    if (!Array.isArray(x)) return make([], Float64Array.of(Number(x)));
    const shape = [];
    for (let part = x; Array.isArray(part); part = part[0]) shape.push(part.length);
    return make(shape, Float64Array.from(x.flat(Infinity), Number));
  }

  const marked = (a) => ({ ...a, absorbs: true });
  const like = (result, ...operands) =>
    operands.some((x) => x.absorbs) ? marked(result) : result;

  // --- every element by itself ---------------------------------------------------------------

  function broadcastShapes(...shapes) {
    const axes = Math.max(...shapes.map((shape) => shape.length));
    return Array.from({ length: axes }, (_, i) => {
      const lengths = shapes.map((shape) => shape[i - axes + shape.length] ?? 1);
      const length = lengths.find((n) => n !== 1) ?? 1;
      if (lengths.some((n) => n !== 1 && n !== length)) {
        throw new Error(`shapes ${shapes.map((s) => `(${s})`).join(" and ")} do not broadcast`);
      }
      return length;
    });
  }

  // Where in an array each element of a larger shape, to which it is broadcast, comes from.
  function positions(from, shape) {
    const steps = strides(from).map((step, i) => (from[i] === 1 ? 0 : step));
    const padded = [...new Array(shape.length - from.length).fill(0), ...steps];
    return walk(shape, padded);
  }

  function strides(shape) {
    const steps = new Array(shape.length).fill(1);
    for (let i = shape.length - 2; i >= 0; i--) steps[i] = steps[i + 1] * shape[i + 1];
    return steps;
  }

  // The position of every element of a shape, in order, where a step along each axis is so far.
  function walk(shape, steps, start = 0) {
    const found = new Int32Array(sizeOf(shape));
    const index = new Array(shape.length).fill(0);
    let at = start;
    for (let i = 0; i < found.length; i++) {
      found[i] = at;
      for (let axis = shape.length - 1; axis >= 0; axis--) {
        at += steps[axis];
        if (++index[axis] < shape[axis]) break;
        at -= steps[axis] * shape[axis];
        index[axis] = 0;
      }
    }
    return found;
  }

  function broadcastTo(a, shape) {
    a = array(a);
    if (sameShape(a.shape, shape)) return a;
    return like(make(shape, gathered(a, positions(a.shape, shape))), a);
  }

  // Plain loops: they are several times as fast as map and from, and most of the time goes here.
  function gathered(a, from) {
    const data = new Float64Array(from.length);
    for (let i = 0; i < data.length; i++) data[i] = a.data[from[i]];
    return data;
  }

  const unary = (f) => (x) => {
    x = array(x);
    const data = new Float64Array(x.data.length);
    for (let i = 0; i < data.length; i++) data[i] = f(x.data[i]);
    return like(make(x.shape, data), x);
  };

  const binary = (f) => (a, b) => {
    if (a === null) return array(b);
    if (b === null) return array(a);
    a = array(a);
    b = array(b);
    const shape = sameShape(a.shape, b.shape) ? a.shape : broadcastShapes(a.shape, b.shape);
    const data = new Float64Array(sizeOf(shape));
    const [m, n] = [period(a, shape), period(b, shape)];
    if (m && n) {
      for (let i = 0; i < data.length; i++) data[i] = f(a.data[i % m], b.data[i % n]);
    } else {
      const [from, by] = [positions(a.shape, shape), positions(b.shape, shape)];
      for (let i = 0; i < data.length; i++) data[i] = f(a.data[from[i]], b.data[by[i]]);
    }
    return like(make(shape, data), a, b);
  };

  // After how many elements a broadcast array begins again; 0 if it is not repeated as a whole.
  function period(a, shape) {
    if (a.data.length === 1) return 1;
    const lengths = a.shape.slice(a.shape.findIndex((n) => n !== 1));
    return sameShape(lengths, shape.slice(-lengths.length)) ? a.data.length : 0;
  }

  // A product in which the zeros of some factors absorb what they are multiplied by, even inf.
  const absorbing = (f, both) => {
    const plain = binary(f);
    const ofFirst = binary((a, b) => (a === 0 ? 0 : f(a, b)));
    const ofSecond = binary((a, b) => (b === 0 ? 0 : f(a, b)));
    return (a, b) => {
      if (a === null) a = 1;
      if (a.absorbs) return ofFirst(a, b);
      return both && b?.absorbs ? ofSecond(a, b) : plain(a, b);
    };
  };

  const add = binary((a, b) => a + b);
  const subtract = binary((a, b) => a - b);
  const multiply = absorbing((a, b) => a * b, true);
  const divide = absorbing((a, b) => a / b, false);
  const weighted = binary((a, b) => (a === 0 || b === 0 ? 0 : a * b));
  const quotient = absorbing((a, b) => (a === 0 && b === 0 ? 0 : a / b), false);
  const maximum = binary((a, b) => (a > b || a !== a ? a : b));
  const minimum = binary((a, b) => (a < b || a !== a ? a : b));
  const fmax = binary((a, b) => (a > b || b !== b ? a : b));
  const fmin = binary((a, b) => (a < b || b !== b ? a : b));

  function power(a, b) {
    const whole = array(b);
    if (whole.data.length === 1 && whole.data[0] === 2) {
      a = array(a);
      return like(broadcastTo(unary((x) => x * x)(a), broadcastShapes(a.shape, whole.shape)), a);
    }
    return raised(a, b);
  }
  const raised = binary((a, b) => (a === 1 ? 1 : a ** b)); // as in C: 1 ** nan is 1

  function where(condition, a, b) {
    [condition, a, b] = [condition, a, b].map(array);
    const shape = broadcastShapes(condition.shape, a.shape, b.shape);
    const [of, yes, no] = [condition, a, b].map((x) => broadcastTo(x, shape));
    const data = of.data.map((holds, i) => (holds ? yes.data[i] : no.data[i]));
    return like(make(shape, data), a, b);
  }

  const sigmoid = unary((x) => (x < 0 ? Math.exp(x) / (1 + Math.exp(x)) : 1 / (1 + Math.exp(-x))));
  const softplus = unary((x) => (x > 0 ? x : x === x ? 0 : x) + Math.log1p(Math.exp(-Math.abs(x))));
  const logaddexp = binary((a, b) =>
    a === b ? a + Math.LN2 : Math.max(a, b) + Math.log1p(Math.exp(-Math.abs(a - b))),
  );
  const logaddexp2 = binary((a, b) =>
    a === b ? a + 1 : Math.max(a, b) + Math.log1p(2 ** -Math.abs(a - b)) * Math.LOG2E,
  );

  // Half to the nearest even number, as NumPy rounds.
  const toEven = (x) => {
    const floor = Math.floor(x);
    if (x - floor !== 0.5) return Math.round(x);
    return floor % 2 ? floor + 1 : floor;
  };
  const round = (x, decimals = 0) =>
    decimals < 0
      ? unary((value) => toEven(value / 10 ** -decimals) * 10 ** -decimals)(x)
      : unary((value) => toEven(value * 10 ** decimals) / 10 ** decimals)(x);

  const sinc = unary((x) => (x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x)));
  const angle = (x, deg) => unary((value) => (value < 0 ? (deg ? 180 : Math.PI) : 0 * value))(x);
  const finite = (x, otherwise) => (Number.isFinite(x) ? x : otherwise);
  const nanToNum = unary((x) =>
    x !== x ? 0 : finite(x, Math.sign(x) * Number.MAX_VALUE),
  );

  // --- along axes ------------------------------------------------------------------------------

  // The axes to reduce, as positions: all for null.
  function axesOf(axis, ndim) {
    if (axis === null || axis === undefined) return Array.from({ length: ndim }, (_, i) => i);
    return [axis].flat().map((i) => (i < 0 ? i + ndim : i));
  }

  function kept(shape, axis) {
    const axes = axesOf(axis, shape.length);
    return shape.map((n, i) => (axes.includes(i) ? 1 : n));
  }

  function reduced(shape, axis) {
    const axes = axesOf(axis, shape.length);
    return shape.filter((_, i) => !axes.includes(i));
  }

  const reduction = (f, start) => (x, axis = null, keepdims = false) => {
    x = array(x);
    const small = kept(x.shape, axis);
    const result = make(small, new Float64Array(sizeOf(small)).fill(start));
    const into = positions(small, x.shape);
    x.data.forEach((value, i) => (result.data[into[i]] = f(result.data[into[i]], value)));
    if (!keepdims) result.shape = reduced(x.shape, axis);
    return like(result, x);
  };

  const sum = reduction((a, b) => a + b, 0);
  const prod = reduction((a, b) => a * b, 1);
  const max = reduction((a, b) => (a > b || a !== a ? a : b), -Infinity);
  const min = reduction((a, b) => (a < b || a !== a ? a : b), Infinity);
  const count = (x, axis = null) => sizeOf(array(x).shape) / sizeOf(kept(array(x).shape, axis));
  const mean = (x, axis = null, keepdims = false) => divide(sum(x, axis, keepdims), count(x, axis));
  const summarized = (x, way) => (way === "none" ? array(x) : way === "sum" ? sum(x) : mean(x));
  const norm = (x, axis = null, keepdims = false) =>
    unary(Math.sqrt)(sum(multiply(x, x), axis, keepdims));

  // The sum is taken relative to the largest element, which is counted, not summed, so that what
  // the others add to it is not rounded away.
  function logsumexpParts(x, axis) {
    x = array(x);
    const top = unary((value) => finite(value, value !== value ? value : Math.sign(value) * Number.MAX_VALUE))(
      max(x, axis, true),
    );
    const shifted = subtract(x, top);
    const largest = unary((value) => (value === 0 ? 1 : 0))(shifted);
    const others = sum(subtract(unary(Math.exp)(shifted), largest), axis, true);
    const rest = unary(Math.log1p)(add(others, subtract(sum(largest, axis, true), 1)));
    return { top, shifted, rest };
  }

  function logsumexp(x, axis = null, keepdims = false) {
    const { top, rest } = logsumexpParts(x, axis);
    const y = add(rest, top);
    return keepdims ? y : make(reduced(array(x).shape, axis), y.data);
  }

  function logSoftmax(x, axis = -1) {
    const { shifted, rest } = logsumexpParts(x, axis);
    return subtract(shifted, rest);
  }

  const softmax = (x, axis = -1) => {
    const e = unary(Math.exp)(subtract(x, max(x, axis, true)));
    return divide(e, sum(e, axis, true));
  };

  // Along the last axis, of what is allowed; 0 where nothing is.
  function maskedSoftmax(x, allowed) {
    const kept = where(allowed, x, -Infinity);
    const top = unary((value) => finite(value, 0))(max(kept, -1, true));
    const e = unary(Math.exp)(subtract(kept, top));
    return quotient(e, sum(e, -1, true));
  }

  // --- shapes ------------------------------------------------------------------------------------

  function reshape(x, shape) {
    x = array(x);
    shape = [shape].flat();
    const known = sizeOf(shape.filter((n) => n !== -1));
    const lengths = shape.map((n) => (n === -1 ? x.data.length / known : n));
    return like(make(lengths, x.data), x);
  }

  const ravel = (x) => reshape(x, [-1]);
  const numbers = (x) => (isArray(x) ? [...x.data] : [x].flat());
  const normalized = (axis, n) => (axis < 0 ? axis + n : axis);

  // The axes of the result, each an axis of x.
  function transpose(x, axes = null) {
    x = array(x);
    const n = x.shape.length;
    const order = axes === null ? x.shape.map((_, i) => n - 1 - i) : axes.map((i) => normalized(i, n));
    const steps = strides(x.shape);
    const shape = order.map((i) => x.shape[i]);
    return like(make(shape, gathered(x, walk(shape, order.map((i) => steps[i])))), x);
  }

  function swapaxes(x, one, other) {
    const order = array(x).shape.map((_, i) => i);
    const [i, j] = [normalized(one, order.length), normalized(other, order.length)];
    [order[i], order[j]] = [j, i];
    return transpose(x, order);
  }

  function moveaxis(x, source, destination) {
    const n = array(x).shape.length;
    const [from, to] = [source, destination].map((axes) => [axes].flat().map((i) => normalized(i, n)));
    const order = array(x).shape.map((_, i) => i).filter((i) => !from.includes(i));
    const pairs = to.map((place, i) => [place, from[i]]).sort((a, b) => a[0] - b[0]);
    pairs.forEach(([place, axis]) => order.splice(place, 0, axis));
    return transpose(x, order);
  }

  const argsort = (axes) =>
    axes === null || axes === undefined
      ? null
      : axes.map((_, i) => axes.findIndex((axis) => normalized(axis, axes.length) === i));

  function expandDims(x, axis) {
    x = array(x);
    const places = [axis].flat();
    const n = x.shape.length + places.length;
    const added = places.map((i) => normalized(i, n));
    const rest = [...x.shape];
    return reshape(x, Array.from({ length: n }, (_, i) => (added.includes(i) ? 1 : rest.shift())));
  }

  function squeeze(x, axis = null) {
    x = array(x);
    const axes = axesOf(axis, x.shape.length);
    return reshape(x, x.shape.filter((n, i) => n !== 1 || !axes.includes(i)));
  }

  function flip(x, axis = null) {
    x = array(x);
    const axes = axesOf(axis, x.shape.length);
    const steps = strides(x.shape);
    const start = axes.reduce((at, i) => at + steps[i] * (x.shape[i] - 1), 0);
    const turned = steps.map((step, i) => (axes.includes(i) ? -step : step));
    return like(make(x.shape, gathered(x, walk(x.shape, turned, start))), x);
  }

  function roll(x, shift, axis = null) {
    x = array(x);
    const shifts = numbers(shift);
    if (axis === null) return reshape(rolled(ravel(x), shifts[0], 0), x.shape);
    return [axis].flat().reduce((y, one, i) => rolled(y, shifts[i] ?? shifts[0], one), x);
  }

  function rolled(x, shift, axis) {
    const [i, steps] = [normalized(axis, x.shape.length), strides(x.shape)];
    const n = x.shape[i];
    const from = walk(x.shape, steps).map((at) => {
      const place = Math.floor(at / steps[i]) % n;
      return at + ((((place - shift) % n) + n) % n - place) * steps[i];
    });
    return like(make(x.shape, gathered(x, from)), x);
  }

  function rot90(x, k = 1, axes = [0, 1]) {
    const turns = ((numbers(k)[0] % 4) + 4) % 4;
    if (turns === 0) return array(x);
    if (turns === 2) return flip(x, axes);
    return turns === 1 ? swapaxes(flip(x, axes[1]), ...axes) : flip(swapaxes(x, ...axes), axes[1]);
  }

  const triangle = (inside) => (x, k = 0) => {
    x = array(x);
    const [m, n] = x.shape.slice(-2);
    const keep = (i) => inside((i % n) - (Math.floor(i / n) % m), k);
    return like(make(x.shape, x.data.map((value, i) => (keep(i) ? value : 0))), x);
  };

  // What was repeated to fit gets the sum of its copies' gradients.
  function unbroadcast(g, shape) {
    g = array(g);
    if (sameShape(g.shape, shape)) return g;
    const extra = g.shape.length - shape.length;
    const axes = g.shape.map((_, i) => i).filter((i) => i < extra || shape[i - extra] === 1);
    return reshape(sum(g, axes), shape);
  }

  // An index is {positions, shape}: which elements, of all in a row; or whole numbers: which rows.
  function chosen(shape, index) {
    if (index.positions) return index;
    const rows = array(index);
    const [n, ...rest] = shape;
    const width = sizeOf(rest);
    const places = [...rows.data].flatMap((i) =>
      Array.from({ length: width }, (_, j) => normalized(i, n) * width + j),
    );
    return { positions: places, shape: [...rows.shape, ...rest] };
  }

  function at(x, index) {
    x = array(x);
    const { positions: from, shape } = chosen(x.shape, index);
    return like(make(shape, gathered(x, from)), x);
  }

  function scatterAdd(g, index, shape) {
    g = array(g);
    const result = make(shape);
    chosen(shape, index).positions.forEach((place, i) => (result.data[place] += g.data[i]));
    return like(result, g);
  }

  // Arrays one after the other along an axis, or in a row.
  function concatenate(arrays, axis = 0) {
    const parts = arrays.map((x) => (axis === null ? ravel(x) : array(x)));
    const i = axis === null ? 0 : normalized(axis, parts[0].shape.length);
    const shape = [...parts[0].shape];
    shape[i] = parts.reduce((n, part) => n + part.shape[i], 0);
    const result = make(shape);
    const [whole, before] = [strides(shape)[i] * shape[i], sizeOf(shape.slice(0, i))];
    let start = 0;
    for (const part of parts) {
      const length = part.shape[i] * strides(shape)[i];
      for (let row = 0; row < before; row++) {
        result.data.set(part.data.subarray(row * length, (row + 1) * length), row * whole + start);
      }
      start += length;
    }
    return like(result, ...parts);
  }

  // Those parts again, in the shapes that they have.
  function split(g, arrays, axis = 0) {
    g = array(g);
    const parts = arrays.map((x) => (axis === null ? ravel(x) : array(x)));
    const i = axis === null ? 0 : normalized(axis, parts[0].shape.length);
    let start = 0;
    return parts.map((part, k) => {
      const steps = strides(g.shape);
      const from = walk(part.shape, steps, start * steps[i]);
      start += part.shape[i];
      return like(reshape(make(part.shape, gathered(g, from)), array(arrays[k]).shape), g);
    });
  }

  // The slice of an array at one position of an axis.
  function take(x, place, axis) {
    x = array(x);
    const i = normalized(axis, x.shape.length);
    const [shape, steps] = [x.shape.toSpliced(i, 1), strides(x.shape)];
    return like(make(shape, gathered(x, walk(shape, steps.toSpliced(i, 1), place * steps[i]))), x);
  }

  const stack = (arrays, axis = 0) => concatenate(arrays.map((x) => expandDims(x, axis)), axis);

  // --- products ----------------------------------------------------------------------------------

  const mT = (x) => swapaxes(x, -1, -2);

  function matmul(a, b) {
    [a, b] = [array(a), array(b)];
    const [row, column] = [a.shape.length === 1, b.shape.length === 1];
    const left = row ? reshape(a, [1, -1]) : a;
    const right = column ? reshape(b, [-1, 1]) : b;
    const lead = broadcastShapes(left.shape.slice(0, -2), right.shape.slice(0, -2));
    const [m, k] = left.shape.slice(-2);
    const [inner, n] = right.shape.slice(-2);
    if (k !== inner) throw new Error(`matmul: shapes (${a.shape}) and (${b.shape}) do not fit`);
    const stacked = [left, right].map((x) => broadcastTo(x, [...lead, ...x.shape.slice(-2)]));
    const result = make([...lead, m, n]);
    const skip = [a.absorbs ?? false, b.absorbs ?? false];
    for (let s = 0; s < sizeOf(lead); s++) multiplyInto(result, stacked, s, [m, k, n], skip);
    const shape = [...lead, ...(row ? [] : [m]), ...(column ? [] : [n])];
    return like(make(shape, result.data), a, b);
  }

  function multiplyInto(result, [a, b], s, [m, k, n], [skipLeft, skipRight]) {
    for (let i = 0; i < m; i++) {
      for (let l = 0; l < k; l++) {
        const factor = a.data[(s * m + i) * k + l];
        if (skipLeft && factor === 0) continue;
        const [from, into] = [(s * k + l) * n, (s * m + i) * n];
        for (let j = 0; j < n; j++) {
          const other = b.data[from + j];
          if (!(skipRight && other === 0)) result.data[into + j] += factor * other;
        }
      }
    }
  }

  const outer = (a, b) => multiply(reshape(a, [-1, 1]), ravel(b));

  function solve(a, b) {
    [a, b] = [array(a), array(b)];
    const column = b.shape.length === 1;
    const right = column ? reshape(b, [-1, 1]) : b;
    const lead = broadcastShapes(a.shape.slice(0, -2), right.shape.slice(0, -2));
    const [n, columns] = [a.shape.at(-1), right.shape.at(-1)];
    const left = broadcastTo(a, [...lead, n, n]).data.slice();
    const result = make([...lead, n, columns], broadcastTo(right, [...lead, n, columns]).data.slice());
    for (let s = 0; s < sizeOf(lead); s++) {
      const A = left.subarray(s * n * n, (s + 1) * n * n);
      eliminate(A, result.data.subarray(s * n * columns, (s + 1) * n * columns), n, columns);
    }
    return like(column ? reshape(result, [...lead, n]) : result, a, b);
  }

  // Gauss's elimination, with the largest element of each column as the pivot.
  function eliminate(A, B, n, columns) {
    const swap = (x, i, j, width) => {
      for (let c = 0; c < width; c++) [x[i * width + c], x[j * width + c]] = [x[j * width + c], x[i * width + c]];
    };
    for (let p = 0; p < n; p++) {
      let best = p;
      for (let i = p; i < n; i++) if (Math.abs(A[i * n + p]) > Math.abs(A[best * n + p])) best = i;
      swap(A, p, best, n);
      swap(B, p, best, columns);
      for (let i = 0; i < n; i++) {
        if (i === p) continue;
        const factor = A[i * n + p] / A[p * n + p];
        for (let c = p; c < n; c++) A[i * n + c] -= factor * A[p * n + c];
        for (let c = 0; c < columns; c++) B[i * columns + c] -= factor * B[p * columns + c];
      }
    }
    for (let i = 0; i < n; i++) for (let c = 0; c < columns; c++) B[i * columns + c] /= A[i * n + i];
  }

  function inv(x) {
    const n = array(x).shape.at(-1);
    return solve(x, make([n, n], Float64Array.from({ length: n * n }, (_, i) => (i % (n + 1) ? 0 : 1))));
  }

  // Rows of 0 and a single 1, at the index of a class.
  function oneHot(labels, classes) {
    const row = (i) => Array.from({ length: classes }, (_, k) => (k === i ? 1 : 0));
    const rows = Float64Array.from([...array(labels).data].flatMap(row));
    return make([...array(labels).shape, classes], rows);
  }

  const compare = (f) => {
    const compared = binary((a, b) => (f(a, b) ? 1 : 0));
    return (a, b) => (a === null || b === null ? array(1) : compared(a, b)); // no limit is met
  };
  return {
    array, make, marked, isArray, sizeOf, sameShape, broadcastShapes, count, kept, reduced, axesOf,
    add, subtract, multiply, divide, weighted, quotient, power, where,
    negative: unary((x) => -x),
    positive: array,
    less: compare((a, b) => a < b),
    less_equal: compare((a, b) => a <= b),
    greater: compare((a, b) => a > b),
    greater_equal: compare((a, b) => a >= b),
    equal: compare((a, b) => a === b),
    not_equal: compare((a, b) => a !== b),
    logical_and: compare((a, b) => a && b),
    logical_or: compare((a, b) => a || b),
    maximum, minimum, fmax, fmin,
    clip: (x, low, high) => minimum(maximum(x, low), high),
    absolute: unary(Math.abs), abs: unary(Math.abs), fabs: unary(Math.abs),
    sign: unary(Math.sign), square: unary((x) => x * x), sqrt: unary(Math.sqrt),
    cbrt: unary(Math.cbrt), reciprocal: unary((x) => 1 / x),
    exp: unary(Math.exp), exp2: unary((x) => 2 ** x), expm1: unary(Math.expm1),
    log: unary(Math.log), log2: unary(Math.log2), log10: unary(Math.log10), log1p: unary(Math.log1p),
    sin: unary(Math.sin), cos: unary(Math.cos), tan: unary(Math.tan), sinc,
    arcsin: unary(Math.asin), arccos: unary(Math.acos), arctan: unary(Math.atan),
    arctan2: binary(Math.atan2), hypot: binary(Math.hypot),
    sinh: unary(Math.sinh), cosh: unary(Math.cosh), tanh: unary(Math.tanh),
    arcsinh: unary(Math.asinh), arccosh: unary(Math.acosh), arctanh: unary(Math.atanh),
    deg2rad: unary((x) => x * (Math.PI / 180)), rad2deg: unary((x) => x * (180 / Math.PI)),
    radians: unary((x) => x * (Math.PI / 180)), degrees: unary((x) => x * (180 / Math.PI)),
    floor: unary(Math.floor), ceil: unary(Math.ceil), trunc: unary(Math.trunc),
    fix: unary(Math.trunc), rint: unary(toEven), round,
    real: array, conjugate: array, real_if_close: array, imag: unary((x) => 0 * x), angle,
    isnan: unary((x) => (x !== x ? 1 : 0)), isfinite: unary((x) => (Number.isFinite(x) ? 1 : 0)),
    nan_to_num: nanToNum,
    sigmoid, softplus, logaddexp, logaddexp2,
    sum, prod, max, min, mean, summarized, norm, logsumexp, softmax, log_softmax: logSoftmax,
    masked_softmax: maskedSoftmax,
    broadcast_to: broadcastTo, reshape, ravel, transpose, swapaxes, moveaxis, argsort,
    expand_dims: expandDims, squeeze, flip, roll, rot90, unbroadcast,
    tril: triangle((d, k) => d <= k), triu: triangle((d, k) => d >= k),
    at, scatter_add: scatterAdd, concatenate, split, stack,
    mT, matmul, outer, solve, inv, take, one_hot: oneHot,
    pi: Math.PI,
  };
})();
