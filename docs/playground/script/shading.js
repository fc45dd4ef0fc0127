// The plane and the units in colors: from one for -1 over the ground to another for 1.

const EDGE = 3; // the plane goes from -EDGE to EDGE
const CELLS = 36;
const PLANE = np.array(
  Array.from({ length: CELLS * CELLS }, (_, i) => [
    ((i % CELLS) + 0.5) * ((2 * EDGE) / CELLS) - EDGE,
    EDGE - (Math.floor(i / CELLS) + 0.5) * ((2 * EDGE) / CELLS),
  ]),
);
const tile = document.createElement("canvas");
tile.width = tile.height = CELLS;

let colors;
function readColors() {
  const probe = document.body.appendChild(document.createElement("span"));
  const resolved = (name) => {
    probe.style.color = `var(--${name})`;
    return getComputedStyle(probe)
      .color.match(/[\d.]+/g)
      .slice(0, 3)
      .map(Number);
  };
  colors = Object.fromEntries(
    ["plus", "minus", "ground", "ink", "faint", "first", "second"].map((name) => [
      name,
      resolved(name),
    ]),
  );
  probe.remove();
}

const css = (color) => `rgb(${color.join(" ")})`;

// What a unit answers all over the plane, between -1 and 1.
function shades(values, item, unit) {
  const { shape, data } = values[item];
  const column = Float64Array.from({ length: shape[0] }, (_, i) => data[i * shape[1] + unit]);
  if (item === net.layers.at(-1).z) return column.map((z) => Math.tanh(z / 2));
  if (settings.activation === "sigmoid" && item !== 0) return column.map((h) => 2 * h - 1);
  const largest = column.reduce((most, value) => Math.max(most, Math.abs(value)), 1);
  return column.map((value) => value / largest);
}

function paint(canvas, shade, strength = 0.85) {
  const image = new ImageData(CELLS, CELLS);
  shade.forEach((value, i) => {
    const to = value < 0 ? colors.minus : colors.plus;
    const share = Math.min(Math.abs(value), 1) * strength;
    for (let c = 0; c < 3; c++)
      image.data[4 * i + c] = colors.ground[c] + share * (to[c] - colors.ground[c]);
    image.data[4 * i + 3] = 255;
  });
  tile.getContext("2d").putImageData(image, 0, 0);
  const context = canvas.getContext("2d");
  context.imageSmoothingEnabled = canvas.width > CELLS;
  context.drawImage(tile, 0, 0, canvas.width, canvas.height);
}

const across = (x, size) => ((x + EDGE) / (2 * EDGE)) * size;

function paintPoints(canvas, name, radius, chosen = null) {
  const context = canvas.getContext("2d");
  const { X, y } = POINTS(name);
  X.forEach(([a, b], i) => {
    context.beginPath();
    context.arc(across(a, canvas.width), across(-b, canvas.height), radius, 0, 7);
    context.fillStyle = css(y[i] ? colors.first : colors.second);
    context.fill();
    context.lineWidth = radius / 4;
    context.strokeStyle = css(colors.ground);
    context.stroke();
  });
  if (chosen === null) return;
  context.beginPath();
  context.arc(
    across(X[chosen][0], canvas.width),
    across(-X[chosen][1], canvas.height),
    radius * 2,
    0,
    7,
  );
  context.lineWidth = radius / 2;
  context.strokeStyle = css(colors.ink);
  context.stroke();
}
