// Arrays as NumPy's, as far as the formulas of operations need them: `np.add(a, b)`, `np.sum(a)`.
//
// An array is {shape, data}: its elements in a row, as float64; booleans are 0 and 1. Functions take
// numbers and nested lists, too. None, here null, is an operand that was left out: b + None is b.
//
// A gradient may be marked as one whose zeros absorb: 0 * inf is 0 on the way back, as in the engine.

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
const like = (result, ...operands) => (operands.some((x) => x.absorbs) ? marked(result) : result);

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
const nanToNum = unary((x) => (x !== x ? 0 : finite(x, Math.sign(x) * Number.MAX_VALUE)));

const compare = (f) => {
  const compared = binary((a, b) => (f(a, b) ? 1 : 0));
  return (a, b) => (a === null || b === null ? array(1) : compared(a, b)); // no limit is met
};
