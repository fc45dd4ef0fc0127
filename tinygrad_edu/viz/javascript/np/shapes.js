// The same elements in other shapes; some of them, chosen; several arrays as one.

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
  const order =
    axes === null ? x.shape.map((_, i) => n - 1 - i) : axes.map((i) => normalized(i, n));
  const steps = strides(x.shape);
  const shape = order.map((i) => x.shape[i]);
  return like(
    make(
      shape,
      gathered(
        x,
        walk(
          shape,
          order.map((i) => steps[i]),
        ),
      ),
    ),
    x,
  );
}

function swapaxes(x, one, other) {
  const order = array(x).shape.map((_, i) => i);
  const [i, j] = [normalized(one, order.length), normalized(other, order.length)];
  [order[i], order[j]] = [j, i];
  return transpose(x, order);
}

function moveaxis(x, source, destination) {
  const n = array(x).shape.length;
  const [from, to] = [source, destination].map((axes) =>
    [axes].flat().map((i) => normalized(i, n)),
  );
  const order = array(x)
    .shape.map((_, i) => i)
    .filter((i) => !from.includes(i));
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
  return reshape(
    x,
    Array.from({ length: n }, (_, i) => (added.includes(i) ? 1 : rest.shift())),
  );
}

function squeeze(x, axis = null) {
  x = array(x);
  const axes = axesOf(axis, x.shape.length);
  return reshape(
    x,
    x.shape.filter((n, i) => n !== 1 || !axes.includes(i)),
  );
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
    return at + (((((place - shift) % n) + n) % n) - place) * steps[i];
  });
  return like(make(x.shape, gathered(x, from)), x);
}

function rot90(x, k = 1, axes = [0, 1]) {
  const turns = ((numbers(k)[0] % 4) + 4) % 4;
  if (turns === 0) return array(x);
  if (turns === 2) return flip(x, axes);
  return turns === 1 ? swapaxes(flip(x, axes[1]), ...axes) : flip(swapaxes(x, ...axes), axes[1]);
}

const triangle =
  (inside) =>
  (x, k = 0) => {
    x = array(x);
    const [m, n] = x.shape.slice(-2);
    const keep = (i) => inside((i % n) - (Math.floor(i / n) % m), k);
    return like(
      make(
        x.shape,
        x.data.map((value, i) => (keep(i) ? value : 0)),
      ),
      x,
    );
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

const stack = (arrays, axis = 0) =>
  concatenate(
    arrays.map((x) => expandDims(x, axis)),
    axis,
  );
