/* Numbers as text, as viz/arrays.py writes them. */

const MOST_NUMBERS = 16, MOST_ROWS = 4, MOST_COLUMNS = 4, BINS = 15;

/* To a whole number, and from the middle between two to the even one. */
function rint(x) {
  const down = Math.floor(x);
  return x - down > 0.5 || (x - down === 0.5 && down % 2) ? down + 1 : down;
}

/* The significant digits of a positive number, and the power of ten of the first. */
function rounded(x, digits) {
  const [figures, power] = x.toExponential(digits - 1).split("e");
  let found = figures.replace(".", "");
  // JavaScript rounds up what lies in the middle between two; Python, to the even one.
  const more = (count) => x.toExponential(count).split("e")[0].replace(".", "").slice(digits);
  const isBetween = more(digits + 3).startsWith("5000") && /^50*$/.test(more(60));
  if (isBetween && found.at(-1) % 2) found = found.slice(0, -1) + (found.at(-1) - 1);
  return [found, Number(power)];
}

/* Python's format(x, ".3g") of a finite number; or "#.3g", which keeps zeros at the end. */
function general(x, digits, zeros) {
  if (!x) return zeros ? (0).toFixed(digits - 1) : "0";
  let [figures, power] = rounded(Math.abs(x), digits);
  const small = power < -4 || power >= digits;
  if (!zeros) figures = figures.replace(/0+$/, "");
  let text;
  if (small) {
    const size = String(Math.abs(power)).padStart(2, "0");
    text = (figures.length > 1 ? `${figures[0]}.${figures.slice(1)}` : figures)
      + `e${power < 0 ? "-" : "+"}${size}`;
  } else if (power < 0) {
    text = `0.${"0".repeat(-power - 1)}${figures}`;
  } else {
    figures = figures.padEnd(power + 1, "0");
    text = figures.slice(0, power + 1);
    if (figures.length > power + 1) text += `.${figures.slice(power + 1)}`;
  }
  return (x < 0 ? "-" : "") + text;
}

function number(x, digits = 3) {
  if (Number.isNaN(x)) return "nan";
  if (!Number.isFinite(x)) return x < 0 ? "-inf" : "inf";
  const whole = rint(Math.abs(x));
  if (10 ** digits <= whole && whole < 1e5) return (x < 0 ? "-" : "") + whole;
  const text = general(x, digits, false);
  const lost = /^-?\d+$/.test(text) && Math.abs(x - Number(text)) > 1e-6 * Math.abs(x);
  return lost ? general(x, digits, true) : text;
}

/* How many rows and columns are written of an array; null if it is too large to be. */
function rowsAndColumns(shape) {
  const size = shape.reduce((a, b) => a * b, 1);
  if (!size || size > MOST_NUMBERS || shape.length > 2) return null;
  const [rows, columns] = [1, 1, ...shape].slice(-2);
  return shape.length && (rows > MOST_ROWS || columns > MOST_COLUMNS) ? null : [rows, columns];
}

/* The distribution of the finite elements of a large array; null if there are none. */
function summarize(numbers) {
  const finite = numbers.filter(Number.isFinite);
  if (!finite.length) return null;
  const low = Math.min(...finite), high = Math.max(...finite), span = high - low;
  const histogram = new Array(BINS).fill(0);
  for (const x of finite) {
    const bin = span > 0 && span < Infinity ? Math.floor(((x - low) / span) * BINS) : 0;
    histogram[Math.min(bin, BINS - 1)] += 1;
  }
  const mean = finite.reduce((sum, x) => sum + x / finite.length, 0);
  return { low, mean, high, histogram, others: numbers.length - finite.length };
}

/* What a card says of an array: its numbers, or a sentence. */
function texts(numbers, shape, whole) {
  const write = whole ? String : (x) => number(x, shape.length ? 3 : 4);
  if (rowsAndColumns(shape)) return numbers.map(write);
  const summary = summarize(numbers);
  if (!summary) return [numbers.length ? "nothing finite" : "empty"];
  const [low, mean, high] = [summary.low, summary.mean, summary.high].map((x) => number(x, 2));
  const others = summary.others ? `, ${summary.others} not finite` : "";
  return [`${low} … ${high}, mean ${mean}${others}`];
}
