/* The paths from the loss back to an input: what is multiplied along each, and added over all. */

const MOST_NAMES = 8;

/* The slopes along a path, from the loss on; null where not all of them are numbers. */
function factors({ edges, whole }) {
  const numbers = edges.map((id) => data.slopes[id].number);
  return whole && !numbers.includes(null) ? numbers.map(Number) : null; // "Infinity" is a word
}

const product = (numbers) => numbers.reduce((a, b) => a * b, 1);
const sum = (numbers) => numbers.reduce((a, b) => a + b, 0);
const joined = (numbers, sign) => numbers.map((x) => shortNumber(x))
  .map((text, i) => (i && text.startsWith("−") ? `(${text})` : text)).join(sign);

function wayOf({ names }) {
  if (names.length <= MOST_NAMES) return names.join(" → ");
  const half = MOST_NAMES / 2;
  return [...names.slice(0, half), "…", ...names.slice(-half)].join(" → ");
}

/* What a path brings: the product of its slopes, or the array that comes back by it alone. */
function broughtBy(path) {
  const numbers = factors(path);
  if (numbers) return [`${joined(numbers, " · ")} = `, make("b", "", shortNumber(product(numbers), 4))];
  const slopes = path.whole ? path.edges.map((id) => data.slopes[id].text).join(", ") : "";
  return [make("small", "", slopes), make("br"), asMatrix(path.gradient)];
}

/* What all paths bring together. */
function total({ paths, count, shape, gradient }) {
  const numbers = paths.map(factors);
  if (Number(count) === 1) return [];
  if (Number(count) !== paths.length) {
    return [`These are ${paths.length} of ${count} paths. What all of them bring adds up to the gradient, `,
      asMatrix(gradient)];
  }
  if (numbers.includes(null)) {
    const each = shape ? `, entry by entry in the shape ${shape}` : "";
    return [`The sum over the paths${each}, is the gradient: `, asMatrix(gradient)];
  }
  const brought = numbers.map(product);
  return [`Their sum is the gradient: ${joined(brought, " + ")} = `,
    make("b", "", shortNumber(sum(brought), 4))];
}

// --- in the panel --------------------------------------------------------------------------------

const reached = Object.keys(data.paths);
const ways = (name) => data.paths[name].paths.length;
lit.paths = () => data.paths[$("leaf").value].paths.flatMap(({ edges }) => edges);

function showPaths() {
  const found = data.paths[$("leaf").value];
  const list = make("ol", "", ...found.paths.map((path) => {
    const item = make("li", "", make("code", "", wayOf(path)), make("br"), ...broughtBy(path));
    item.tabIndex = 0;
    for (const name of ["mouseenter", "focus"]) item.addEventListener(name, () => light(path.edges));
    for (const name of ["mouseleave", "blur"]) item.addEventListener(name, () => light(lit.paths()));
    return item;
  }));
  $("ways").replaceChildren(list, make("p", "", ...total(found)));
}

$("leaf").addEventListener("change", () => { showPaths(); relight(); });
$("paths").hidden = !reached.length; // no gradient arrives anywhere
if (reached.length) {
  $("leaf").append(...reached.map((name) => new Option(name)));
  $("leaf").value = reached.reduce((best, name) => (ways(name) > ways(best) ? name : best));
  showPaths();
}
