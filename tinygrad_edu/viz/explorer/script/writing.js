/* Numbers as text, and small arrays as mathematics, as Python has written those in the page. */

function shortNumber(x, digits = 3) {
  if (!Number.isFinite(x)) return Number.isNaN(x) ? "nan" : x > 0 ? "inf" : "−inf";
  const sign = x < 0 ? "−" : "";
  const size = Math.abs(x);
  if (10 ** digits <= Math.round(size) && Math.round(size) < 1e5) return sign + Math.round(size);
  const [mantissa, exponent] = size.toExponential(digits - 1).split("e");
  if (exponent < -4 || exponent >= digits) {
    const power = String(Math.abs(exponent)).padStart(2, "0");
    return `${sign}${Number(mantissa)}e${exponent < 0 ? "-" : "+"}${power}`;
  }
  const text = size.toPrecision(digits);
  const short = String(Number(text)); // without zeros at the end
  const rounded = !short.includes(".") && Math.abs(size - Number(text)) > 1e-6 * size;
  return sign + (rounded ? text : short); // 1.00 is not quite 1
}

/* Rows of numbers as a matrix, in brackets that the page draws; a text as it is. */
function asMatrix(array) {
  if (typeof array === "string") return document.createTextNode(array);
  const make = (tag, children) => {
    const element = document.createElementNS("http://www.w3.org/1998/Math/MathML", tag);
    element.append(...children);
    return element;
  };
  const table = make("mtable", array.map((row) => make("mtr",
    row.map((text) => make("mtd", [make("mn", [text.replace("-", "−")])])))));
  table.setAttribute("class", "matrix");
  return make("math", [table]);
}

/* An element with a class and children. */
function make(tag, name, ...children) {
  const element = document.createElement(tag);
  if (name) element.className = name;
  element.append(...children);
  return element;
}
