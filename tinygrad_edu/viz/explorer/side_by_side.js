/* One slider for two explorers. Each tells how many steps it has, and how large its gradients are. */
(() => {
const $ = (id) => document.getElementById(id);
const { pages } = JSON.parse($("data").textContent);
const frames = [...document.querySelectorAll("iframe")];
const explorers = []; // what each told: {last, begin, layers}
let place = 0;
let timer = null;
let end = 0; // the last place, and that at which both go back
let turn = 0;

// --- in step -------------------------------------------------------------------------------------

/* The step of an explorer at a place: both begin, turn and end at the same. */
function stepAt({ last, begin }, place) {
  return place <= turn ? Math.floor((place * begin) / turn)
    : begin + Math.floor(((place - turn) * (last - begin)) / (end - turn));
}

const tell = (frame, wanted) => frame.contentWindow.postMessage({ lockstep: { wanted } }, "*");

function show(wanted) {
  place = Math.max(0, Math.min(end, wanted));
  explorers.forEach((explorer, i) => tell(frames[i], stepAt(explorer, place)));
  $("slider").value = place;
  $("count").textContent = `step ${place} of ${end}`;
  document.body.classList.toggle("backward", turn <= place && place < end);
  showLayers();
  if (place === end) pause();
}

addEventListener("message", ({ source, data: message }) => {
  const i = frames.findIndex((frame) => frame.contentWindow === source);
  if (i === -1) return;
  if (message === "which theme?") return sendTheme(frames[i]);
  const told = message?.lockstep;
  if (told?.layers) {
    explorers[i] = told;
    if (explorers[0] && explorers[1]) begin();
  } else if (told && timer === null && end) {
    // A reader went on in one of them: the other follows.
    const places = Array.from({ length: end + 1 }, (_, at) => at);
    show(places.find((at) => stepAt(explorers[i], at) >= told.shown) ?? end);
  }
});

function begin() {
  turn = Math.max(...explorers.map(({ begin }) => begin));
  end = turn + Math.max(...explorers.map(({ last, begin }) => last - begin));
  $("slider").max = end;
  drawLayers();
  show(Number(/step=(\d+)/.exec(location.hash)?.[1] ?? 0));
}

// --- light and dark ------------------------------------------------------------------------------

function sendTheme(frame) {
  const { theme } = document.documentElement.dataset;
  if (theme) frame.contentWindow.postMessage({ theme }, "*");
}
new MutationObserver(() => frames.forEach(sendTheme))
  .observe(document.documentElement, { attributeFilter: ["data-theme"] });

// --- the gradients of layers ---------------------------------------------------------------------

const LEAST_DECADES = 3;
const bars = []; // {bar, step, explorer}

function make(tag, className, ...children) {
  const element = document.createElement(tag);
  element.className = className;
  element.append(...children);
  return element;
}

function drawLayers() {
  const sizes = explorers.flatMap(({ layers }) => layers.map(({ norm }) => Number(norm)))
    .filter((norm) => norm > 0 && norm < Infinity).map(Math.log10);
  const high = Math.ceil(Math.max(...sizes, -LEAST_DECADES));
  const low = Math.min(Math.floor(Math.min(...sizes, high)), high - LEAST_DECADES);
  const shareOf = (norm) => Math.min(1, Math.max(0, (Math.log10(norm) - low) / (high - low)));
  const apart = Math.ceil((high - low) / 6); // decades between two numbers on the scale
  const ticks = [];
  for (let power = low; power <= high; power += apart) {
    const tick = make("span", "", power === 0 ? "1" : `1e${power}`);
    tick.style.setProperty("--share", (power - low) / (high - low));
    ticks.push(tick);
  }
  const rows = Array.from({ length: Math.max(...explorers.map(({ layers }) => layers.length)) }, (_, i) => {
    const both = explorers.map(({ layers }) => layers[i]);
    const names = [...new Set(both.filter(Boolean).map(({ name }) => name))].join(" / ");
    return [make("code", "", names), make("div", "bars", ...both.map((layer, k) => bar(layer, k, shareOf)))];
  });
  $("layers").replaceChildren(...rows.flat(), make("span", ""), make("div", "scale", ...ticks));
}

function bar(layer, k, shareOf) {
  const drawn = make("div", `bar ${["first", "second"][k]}`, layer?.text ?? "");
  if (!layer) {
    drawn.classList.add("unknown");
    return drawn;
  }
  drawn.style.setProperty("--share", shareOf(Number(layer.norm)) || 0);
  bars.push({ drawn, step: layer.step, explorer: explorers[k] });
  return drawn;
}

/* A bar appears when the gradients of its layer are complete. */
function showLayers() {
  for (const { drawn, step, explorer } of bars) {
    drawn.classList.toggle("unknown", stepAt(explorer, place) < step);
  }
}

// --- playing -------------------------------------------------------------------------------------

function pressed(isPlaying) {
  $("play").setAttribute("aria-pressed", isPlaying);
  $("play").setAttribute("aria-label", isPlaying ? "Pause" : "Play");
}

function pause() {
  clearInterval(timer);
  timer = null;
  pressed(false);
}

function play() {
  pause();
  if (place === end) show(0);
  timer = setInterval(() => show(place + 1), 1600 / $("speed").value);
  pressed(true);
}

const jump = (wanted) => { pause(); show(wanted); };
const actions = {
  first: () => jump(0),
  back: () => jump(place - 1),
  play: () => (timer ? pause() : play()),
  forward: () => jump(place + 1),
  last: () => jump(end),
};
for (const name in actions) $(name).addEventListener("click", actions[name]);
$("slider").addEventListener("input", () => jump(Number($("slider").value)));
$("speed").addEventListener("change", () => timer && play());
const KEYS = { Home: "first", ArrowLeft: "back", " ": "play", ArrowRight: "forward", End: "last" };
document.addEventListener("keydown", (event) => {
  const action = KEYS[event.key];
  const own = event.target.closest(event.key === " " ? "button, select" : "select");
  if (!action || own || event.ctrlKey || event.metaKey || event.altKey) return;
  event.preventDefault();
  actions[action]();
});
addEventListener("hashchange", () => jump(Number(/step=(\d+)/.exec(location.hash)?.[1] ?? 0)));

frames.forEach((frame, i) => {
  frame.addEventListener("load", () => tell(frame, 0));
  frame.srcdoc = pages[i];
});
})();
