// Products of matrices, and systems of equations; also of stacks of them.

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
  const result = make(
    [...lead, n, columns],
    broadcastTo(right, [...lead, n, columns]).data.slice(),
  );
  for (let s = 0; s < sizeOf(lead); s++) {
    const A = left.subarray(s * n * n, (s + 1) * n * n);
    eliminate(A, result.data.subarray(s * n * columns, (s + 1) * n * columns), n, columns);
  }
  return like(column ? reshape(result, [...lead, n]) : result, a, b);
}

// Gauss's elimination, with the largest element of each column as the pivot.
function eliminate(A, B, n, columns) {
  const swap = (x, i, j, width) => {
    for (let c = 0; c < width; c++)
      [x[i * width + c], x[j * width + c]] = [x[j * width + c], x[i * width + c]];
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
  return solve(
    x,
    make(
      [n, n],
      Float64Array.from({ length: n * n }, (_, i) => (i % (n + 1) ? 0 : 1)),
    ),
  );
}

// Rows of 0 and a single 1, at the index of a class.
function oneHot(labels, classes) {
  const row = (i) => Array.from({ length: classes }, (_, k) => (k === i ? 1 : 0));
  const rows = Float64Array.from([...array(labels).data].flatMap(row));
  return make([...array(labels).shape, classes], rows);
}
