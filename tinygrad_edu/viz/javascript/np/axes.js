// Reductions: along an axis, along several, or along all for null.

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

const reduction =
  (f, start) =>
  (x, axis = null, keepdims = false) => {
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
  const top = unary((value) =>
    finite(value, value !== value ? value : Math.sign(value) * Number.MAX_VALUE),
  )(max(x, axis, true));
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
