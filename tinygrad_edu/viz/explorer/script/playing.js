/* Playing, and the buttons and keys. */

function pause() {
  clearInterval(timer);
  timer = null;
  $("play").setAttribute("aria-pressed", "false");
  $("play").setAttribute("aria-label", "Play");
}

function play() {
  pause();
  if (step === last) show(0);
  timer = setInterval(() => show(step + 1), 1600 / $("speed").value);
  $("play").setAttribute("aria-pressed", "true");
  $("play").setAttribute("aria-label", "Pause");
}

const jump = (wanted) => { pause(); show(wanted); };
const actions = {
  first: () => jump(0),
  back: () => jump(step - 1),
  play: () => (timer ? pause() : play()),
  forward: () => jump(step + 1),
  last: () => jump(last),
  in: () => zoom(1.25),
  out: () => zoom(0.8),
  fit: () => { chosen = true; fit(); },
};
for (const name in actions) $(name).addEventListener("click", actions[name]);
$("slider").addEventListener("input", () => jump(Number($("slider").value)));
$("speed").addEventListener("change", () => timer && play());

const KEYS = {
  Home: "first", ArrowLeft: "back", " ": "play", ArrowRight: "forward", End: "last",
  "+": "in", "=": "in", "-": "out", 0: "fit",
};
document.addEventListener("keydown", (event) => {
  const action = KEYS[event.key];
  // What one writes in, lists of choices, and what the space bar presses use these keys themselves.
  const pressed = event.key === " " ? ", button, summary" : "";
  const own = event.target.closest(`select, input:not(#slider)${pressed}`);
  if (!action || own || event.ctrlKey || event.metaKey || event.altKey) return;
  event.preventDefault();
  actions[action]();
});
