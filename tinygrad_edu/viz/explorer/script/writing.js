/* Numbers and small arrays as mathematics, as Python has written those in the page. */

const shortNumber = (x, digits = 3) => number(x, digits).replaceAll("-", "−");

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
