"use strict";
/* Steps through the story of one computation. All words and numbers come from the page's data; this
   script only decides which of them are seen. */
(() => {
  const $ = (id) => document.getElementById(id);
  const data = JSON.parse($("data").textContent);
  const svg = $("picture").querySelector("svg");
  const last = data.steps.length - 1;
  const LABELS = { given: "given", forward: "forward", seed: "backward", backward: "backward", end: "done" };
  const READABLE = 1; // pixels per unit: the numbers on the cards are 11 units high
  let step = 0;
  let timer = null;

  // --- what is known of each node at each step ------------------------------------------------

  const computed = {}; // vertex -> the step that computes it
  const arrivals = {}; // vertex -> [the steps that change its gradient]
  const flows = {}; // edge -> the step in which a gradient flows over it
  data.steps.forEach(({ phase, node, edges, target }, i) => {
    if (phase === "forward") computed[node] = i;
    if (target) (arrivals[target] ??= []).push(i);
    if (phase === "backward") for (const edge of edges) flows[edge] ??= i;
  });
  const lastArrival = (node) => (arrivals[node] ?? []).findLast((i) => i <= step);
  const isComputed = (node) => (computed[node] ?? 0) <= step;

  // --- showing a step ---------------------------------------------------------------------------

  function show(wanted) {
    step = Math.max(0, Math.min(last, wanted));
    const { phase, html, node, edges, target } = data.steps[step];
    const backward = phase === "backward" || phase === "seed";
    document.body.classList.toggle("backward", backward);
    $("story").innerHTML = html;
    $("story").scrollTop = 0;
    $("slider").value = step;
    $("slider").setAttribute("aria-valuetext", `${step} of ${last}, ${LABELS[phase]}`);
    $("count").textContent = `step ${step} of ${last} · ${LABELS[phase]}`;
    for (const id in data.nodes) {
      const element = $(id);
      element.classList.toggle("later", !isComputed(id));
      element.classList.toggle("now", id === node || id === target);
      showGradient(id);
    }
    for (const id in data.edges) {
      const { classList } = $(id);
      classList.toggle("later", !isComputed(data.edges[id].target));
      classList.toggle("now", edges.includes(id));
      classList.toggle("done", flows[id] < step && !edges.includes(id));
    }
    follow([...edges, node, target].filter(Boolean).map($));
    try {
      history.replaceState(null, "", `#step=${step}`);
    } catch {
      // A page inside another one may have no address of its own.
    }
    if (step === last) pause();
  }

  const written = {}; // vertex -> the step whose gradient is on its card

  function showGradient(id) {
    const cell = $(`a_${id}-grad`);
    const arrival = lastArrival(id);
    if (!cell || (id in written && written[id] === arrival)) return;
    written[id] = arrival;
    cell.classList.toggle("unknown", arrival === undefined);
    const texts = cell.querySelectorAll("text");
    data.steps[arrival]?.gradient.forEach((text, i) => {
      if (texts[i]) texts[i].textContent = text;
    });
  }

  // --- playing ----------------------------------------------------------------------------------

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
    fit: () => fit(),
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
    // A list of choices, and a button under the space bar, have uses of their own for these keys.
    const own = event.target.closest(event.key === " " ? "button, select" : "select");
    if (!action || own || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    actions[action]();
  });

  // --- nodes and edges: click to jump, hover to see everything -----------------------------------

  const stepOf = (id) => {
    // A second click on the same node goes on to the next step in which it takes part.
    const steps = [computed[id] ?? 0, ...(arrivals[id] ?? [])];
    return steps.find((i) => i > step) ?? steps[0];
  };
  const stepOfEdge = (id) => {
    const steps = [computed[data.edges[id].target], flows[id]].filter((i) => i !== undefined);
    return steps.find((i) => i > step) ?? steps[0] ?? 0;
  };
  for (const id in data.nodes) {
    const element = $(id);
    element.setAttribute("role", "button");
    element.setAttribute("tabindex", "0");
    element.setAttribute("aria-label", data.nodes[id].label);
    element.addEventListener("click", () => dragged || jump(stepOf(id)));
    element.addEventListener("keydown", (event) => {
      if (event.key === "Enter") jump(stepOf(id));
    });
    for (const name of ["mouseenter", "focus"]) element.addEventListener(name, () => details(id));
    for (const name of ["mouseleave", "blur"]) element.addEventListener(name, () => details(null));
  }
  for (const id in data.edges) $(id).addEventListener("click", () => dragged || jump(stepOfEdge(id)));
  for (const element of svg.querySelectorAll("a, title")) {
    // The browser's own small labels would hide ours; and the links, by which we find the numbers
    // on a card, lead nowhere.
    element.removeAttribute("xlink:title");
    element.removeAttribute("xlink:href");
    if (element.tagName === "title") element.remove();
  }

  function details(id) {
    const box = $("details");
    box.hidden = id === null;
    if (id === null) return;
    const { label, value, gradient } = data.nodes[id];
    const parts = [["b", label]];
    if (isComputed(id) && value) parts.push(["div", "value"], ["pre", value]);
    const complete = arrivals[id]?.at(-1) <= step;
    if (gradient) parts.push(["div", complete ? "gradient" : "gradient: not complete yet"]);
    if (gradient && complete) parts.push(["pre", gradient]);
    box.replaceChildren(...parts.map(([tag, text]) => {
      const element = document.createElement(tag);
      element.textContent = text;
      return element;
    }));
    const { left, bottom, top } = $(id).getBoundingClientRect();
    const below = bottom + 8 + box.offsetHeight < innerHeight;
    box.style.left = `${Math.max(8, Math.min(left, innerWidth - box.offsetWidth - 8))}px`;
    box.style.top = `${Math.max(8, below ? bottom + 8 : top - 8 - box.offsetHeight)}px`;
  }

  // --- zoom and pan ------------------------------------------------------------------------------

  const whole = svg.viewBox.baseVal;
  const all = { x: whole.x, y: whole.y, width: whole.width, height: whole.height };
  let view = { x: 0, y: 0, scale: 1 }; // what is seen: the corner, and pixels per unit
  let dragged = false;

  function look() {
    const { clientWidth, clientHeight } = $("picture");
    svg.setAttribute("viewBox",
      `${view.x} ${view.y} ${clientWidth / view.scale} ${clientHeight / view.scale}`);
  }

  function center(x, y) {
    const { clientWidth, clientHeight } = $("picture");
    view.x = x - clientWidth / view.scale / 2;
    view.y = y - clientHeight / view.scale / 2;
    look();
  }

  /* Show all, or if that would be too small to read, where it begins. */
  function fit(least = 0) {
    const { clientWidth, clientHeight } = $("picture");
    view.scale = Math.max(least, Math.min(clientWidth / all.width, clientHeight / all.height, 1.5));
    const [width, height] = [clientWidth / view.scale, clientHeight / view.scale];
    view.x = all.x + Math.min(0, (all.width - width) / 2);
    view.y = all.y + Math.min(0, (all.height - height) / 2);
    look();
  }

  function zoom(factor, x, y) {
    const { clientWidth, clientHeight } = $("picture");
    x ??= clientWidth / 2;
    y ??= clientHeight / 2;
    const scale = Math.max(0.05, Math.min(8, view.scale * factor));
    view.x += x / view.scale - x / scale;
    view.y += y / view.scale - y / scale;
    view.scale = scale;
    look();
  }

  /* Bring what happens into sight, if it is not. */
  function follow(elements) {
    if (!elements.length) return;
    const frame = $("picture").getBoundingClientRect();
    const boxes = elements.map((element) => element.getBoundingClientRect());
    const left = Math.min(...boxes.map((b) => b.left)) - frame.left;
    const right = Math.max(...boxes.map((b) => b.right)) - frame.left;
    const top = Math.min(...boxes.map((b) => b.top)) - frame.top;
    const bottom = Math.max(...boxes.map((b) => b.bottom)) - frame.top;
    if (left >= 0 && top >= 0 && right <= frame.width && bottom <= frame.height) return;
    center(view.x + (left + right) / 2 / view.scale, view.y + (top + bottom) / 2 / view.scale);
  }

  svg.addEventListener("wheel", (event) => {
    event.preventDefault();
    const frame = svg.getBoundingClientRect();
    zoom(Math.exp(-event.deltaY / 500), event.clientX - frame.left, event.clientY - frame.top);
  }, { passive: false });
  svg.addEventListener("pointerdown", ({ clientX, clientY }) => {
    const start = { x: view.x, y: view.y };
    dragged = false;
    const move = (event) => {
      const dx = event.clientX - clientX;
      const dy = event.clientY - clientY;
      if (Math.hypot(dx, dy) < 4 && !dragged) return;
      dragged = true;
      svg.classList.add("dragging");
      view.x = start.x - dx / view.scale;
      view.y = start.y - dy / view.scale;
      look();
    };
    const stop = () => {
      svg.classList.remove("dragging");
      removeEventListener("pointermove", move);
      removeEventListener("pointerup", stop);
    };
    addEventListener("pointermove", move);
    addEventListener("pointerup", stop);
  });
  addEventListener("resize", look);
  addEventListener("beforeprint", () => { // on paper one cannot move around
    svg.setAttribute("viewBox", `${all.x} ${all.y} ${all.width} ${all.height}`);
  });
  addEventListener("afterprint", look);

  // --- begin ---------------------------------------------------------------------------------------

  const stepInAddress = () => Number(/step=(\d+)/.exec(location.hash)?.[1] ?? 0);
  addEventListener("hashchange", () => jump(stepInAddress()));
  svg.removeAttribute("width");
  svg.removeAttribute("height");
  fit(READABLE);
  show(stepInAddress());
})();
