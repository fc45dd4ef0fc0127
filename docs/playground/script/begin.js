// What the reader does, and the first picture.

const find = (id) => document.querySelector(`#${id}`);
let training = false;
let due = 0;
let before = 0;

// Something else is trained: from its beginning.
function change(part) {
  Object.assign(settings, part);
  chosen.point = part.data ? null : chosen.point;
  begin();
  training = false;
  showSettings();
  layOut();
  offer();
  pause();
  draw();
  remember();
}

function pause() {
  training = false;
  find("play").setAttribute("aria-pressed", "false");
  find("play").ariaLabel = "Train";
  explain();
}

function play() {
  if (diverged()) return;
  training = true;
  find("play").setAttribute("aria-pressed", "true");
  find("play").ariaLabel = "Pause";
  before = performance.now();
  due = 1;
  requestAnimationFrame(frame);
}

// As many epochs as are due, but not more than fit between two pictures.
function frame(time) {
  if (!training) return;
  const speed = Number(find("speed").value);
  due = Math.min(due + ((time - before) / 1000) * speed, speed === Infinity ? Infinity : 10);
  before = time;
  const start = performance.now();
  let done = 0;
  while (due >= 1 && performance.now() - start < 12 && !diverged()) {
    step();
    due -= 1;
    done += 1;
  }
  if (speed === Infinity) due = 1;
  if (done) draw();
  if (diverged()) pause();
  requestAnimationFrame(frame);
}

// --- the settings are in the address, so that a link leads to them ----------------------------------

function remember() {
  const { hidden, ...others } = settings;
  const words = new URLSearchParams({ ...others, hidden: hidden.join("-") });
  history.replaceState(null, "", `#${words}`);
}

function recall() {
  const words = new URLSearchParams(location.hash.slice(1) || location.search);
  Object.assign(settings, FIRST);
  const known = { data: choices.data, activation: choices.activations, init: choices.inits };
  for (const [name, values] of Object.entries(known)) {
    if (Object.hasOwn(values, words.get(name))) settings[name] = words.get(name);
  }
  if (choices.rates.includes(Number(words.get("rate")))) settings.rate = Number(words.get("rate"));
  if (Number(words.get("seed")) > 0) settings.seed = Number(words.get("seed"));
  if (words.has("hidden")) {
    const counts = words
      .get("hidden")
      .split("-")
      .map(Number)
      .filter((n) => n >= 1 && n <= LIMITS.units);
    settings.hidden = counts.slice(0, LIMITS.layers).map(Math.floor);
  }
}

// --- controls -----------------------------------------------------------------------------------------

function offerSettings() {
  for (const name of Object.keys(choices.data)) {
    const label = document.createElement("label");
    label.innerHTML = `<input type="radio" name="data" value="${name}"><canvas width="80" height="80"></canvas>${name}`;
    label.firstChild.addEventListener("change", () => change({ data: name }));
    find("data").append(label);
  }
  const fill = (id, options) => {
    const written = options.map(([value, text]) => `<option value="${value}">${text}</option>`);
    find(id).innerHTML = written.join("");
  };
  const activations = Object.entries(choices.activations);
  fill(
    "activation",
    activations.map(([name, { label }]) => [name, label]),
  );
  fill("init", Object.entries(choices.inits));
  fill(
    "rate",
    choices.rates.map((rate) => [rate, rate]),
  );
}

// The settings as they are, in the controls.
function showSettings() {
  document.querySelector(`#data [value=${settings.data}]`).checked = true;
  for (const id of ["activation", "init", "rate"]) find(id).value = settings[id];
  find("depth").value = settings.hidden.length;
  find("fewer").disabled = !settings.hidden.length;
  find("more").disabled = settings.hidden.length === LIMITS.layers;
}

function paintThumbnails() {
  for (const label of find("data").querySelectorAll("label")) {
    const canvas = label.querySelector("canvas");
    paint(canvas, new Float64Array(CELLS * CELLS));
    paintPoints(canvas, label.querySelector("input").value, 2.4);
  }
}

find("play").addEventListener("click", () => (training ? pause() : play()));
find("step").addEventListener("click", () => {
  pause();
  step();
  draw();
});
find("again").addEventListener("click", () => change({}));
find("redraw").addEventListener("click", () => change({ seed: settings.seed + 1 }));
find("activation").addEventListener("change", ({ target }) => change({ activation: target.value }));
find("init").addEventListener("change", ({ target }) => change({ init: target.value }));
find("rate").addEventListener("change", ({ target }) => {
  setRate(Number(target.value));
  draw();
  remember();
});
for (const [id, by] of [
  ["fewer", -1],
  ["more", 1],
]) {
  find(id).addEventListener("click", () => {
    const { hidden } = settings;
    change({ hidden: by < 0 ? hidden.slice(0, -1) : [...hidden, hidden.at(-1) ?? 4] });
  });
}
find("lines").addEventListener("change", drawLines);

find("export").addEventListener("click", () => {
  pause();
  const code = python();
  find("code").querySelector("pre").textContent = code;
  find("save").href = URL.createObjectURL(new Blob([code], { type: "text/x-python" }));
  find("code").showModal();
});
find("close").addEventListener("click", () => find("code").close());
find("copy").addEventListener("click", async () => {
  const code = find("code").querySelector("pre");
  getSelection().selectAllChildren(code);
  await navigator.clipboard?.writeText(code.textContent).catch(() => {});
  find("copy").textContent = "Copied";
  setTimeout(() => (find("copy").textContent = "Copy"), 1500);
});

addEventListener("keydown", (event) => {
  const busy = event.target.closest("button, select, input, a, dialog, canvas");
  if (event.ctrlKey || event.metaKey || event.altKey || (busy && event.target !== document.body))
    return;
  if (event.key === " ") find("play").click();
  else if (event.key === "ArrowRight") find("step").click();
  else return;
  event.preventDefault();
});

addEventListener("resize", () => {
  layOut();
  draw();
});
const repaint = () => {
  readColors();
  paintThumbnails();
  draw();
};
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", repaint);
new MutationObserver(repaint).observe(document.documentElement, {
  attributeFilter: ["data-theme"],
});

addEventListener("hashchange", () => {
  recall();
  change({ data: settings.data });
});

document.body.classList.toggle("embedded", self !== top);
offerSettings();
recall();
readColors();
paintThumbnails();
change({});
// A page around this one makes room for all of it.
new ResizeObserver(() => {
  if (self !== top) parent.postMessage({ height: document.documentElement.offsetHeight }, "*");
}).observe(document.body);

// For the console: what is trained, one step, and the losses of all epochs.
window.playground = { settings, step, draw, losses: () => losses, python };
