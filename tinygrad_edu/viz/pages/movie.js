"use strict";
/* Plays the pictures in the page's data. */
(() => {
  const $ = (id) => document.getElementById(id);
  const { frames, seconds, hold } = JSON.parse($("data").textContent);
  const last = frames.length - 1;
  let frame = 0;
  let timer = null;

  function show(wanted) {
    frame = Math.max(0, Math.min(last, wanted));
    $("frame").src = frames[frame];
    $("slider").value = frame;
    $("count").textContent = `picture ${frame + 1} of ${last + 1}`;
    $("slider").setAttribute("aria-valuetext", $("count").textContent);
  }

  function pause() {
    clearTimeout(timer);
    timer = null;
    $("play").setAttribute("aria-pressed", "false");
    $("play").setAttribute("aria-label", "Play");
  }

  function play() {
    // The last picture is what it comes to: it stays for longer.
    const wait = frame === last ? hold : seconds / $("speed").value;
    timer = setTimeout(() => {
      show(frame === last ? 0 : frame + 1);
      play();
    }, 1000 * wait);
    $("play").setAttribute("aria-pressed", "true");
    $("play").setAttribute("aria-label", "Pause");
  }

  const jump = (wanted) => { pause(); show(wanted); };
  const actions = {
    first: () => jump(0),
    back: () => jump(frame - 1),
    play: () => (timer ? pause() : play()),
    forward: () => jump(frame + 1),
    last: () => jump(last),
  };
  for (const name in actions) $(name).addEventListener("click", actions[name]);
  $("slider").addEventListener("input", () => jump(Number($("slider").value)));
  const KEYS = { Home: "first", ArrowLeft: "back", " ": "play", ArrowRight: "forward", End: "last" };
  document.addEventListener("keydown", (event) => {
    const own = event.target.closest(event.key === " " ? "button, select" : "select");
    if (!KEYS[event.key] || own || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    actions[KEYS[event.key]]();
  });

  // Whoever came here from a page can go back to it.
  $("leave").hidden = self !== top || history.length < 2;
  $("leave").addEventListener("click", () => history.back());

  show(0);
  if (!matchMedia("(prefers-reduced-motion: reduce)").matches) play();
})();
