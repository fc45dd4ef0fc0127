"use strict";
/* Steps through the story of one computation. All words and numbers come from the page's data; this
   script only decides which of them are seen. */
(() => {
  const $ = (id) => document.getElementById(id);
  const data = JSON.parse($("data").textContent);
  const svg = $("picture").querySelector("svg");
  const last = data.steps.length - 1;
  const LABELS = { given: "given", forward: "forward", seed: "backward", backward: "backward", end: "done" };
  const READABLE = 0.9; // pixels per unit: the numbers on the cards are 11 units high
  const SMALL = 0.7; // not so well, but more is seen at a time
  const OVERVIEW = 0.2; // the shape of the whole can still be seen
  const NARROWEST = 0.6; // to which share of its size a formula is made smaller
  const embedded = self !== top;
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
  const isComplete = (node) => arrivals[node]?.at(-1) <= step;
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
    fitFormulas();
    const heading = $("story").querySelector("h2").textContent;
    $("slider").setAttribute("aria-valuetext", `${step} of ${last}, ${LABELS[phase]}: ${heading}`);
    $("count").textContent = `step ${step} of ${last} · ${LABELS[phase]}`;
    for (const id in data.nodes) {
      const element = $(id);
      element.classList.toggle("later", !isComputed(id));
      element.classList.toggle("now", id === node || id === target);
      element.setAttribute("aria-label", spoken(id));
      showGradient(id);
    }
    for (const id in data.edges) {
      const { classList } = $(id);
      classList.toggle("later", !isComputed(data.edges[id].target));
      classList.toggle("now", edges.includes(id));
      classList.toggle("done", flows[id] < step && !edges.includes(id));
    }
    const inputs = edges.map((id) => data.edges[id].source);
    follow([target, node].filter(Boolean).map($), [...inputs, ...edges].map($));
    clearTimeout(noting);
    noting = setTimeout(note, 100); // browsers refuse to note hundreds of steps in a few seconds
    if (step === last) pause();
  }

  let noting = null;

  /* Note the step in the address. */
  function note() {
    try {
      history.replaceState(null, "", `#step=${step}`);
    } catch {
      // A page inside another one may have no address of its own.
    }
  }

  const written = {}; // vertex -> the step whose gradient is on its card

  function showGradient(id) {
    const cell = $(`a_${id}-grad`);
    const arrival = lastArrival(id);
    if (!cell || (id in written && written[id] === arrival)) return;
    written[id] = arrival;
    cell.classList.toggle("unknown", arrival === undefined);
    cell.classList.toggle("partial", !isComplete(id));
    const texts = cell.querySelectorAll("text");
    data.steps[arrival]?.gradient.forEach((text, i) => {
      if (texts[i]) texts[i].textContent = text;
    });
  }

  /* What a screen reader says of a node: what is known of it at this step. */
  function spoken(id) {
    const { label, value, gradient } = data.nodes[id];
    const known = [label];
    if (value && isComputed(id)) known.push(`value ${value}`);
    if (gradient && isComplete(id)) known.push(`gradient ${gradient}`);
    return known.join(", ");
  }

  /* Make a formula with parts that are too long smaller; if that is not enough, it is scrolled. */
  function fitFormulas() {
    for (const formula of $("story").querySelectorAll(".math")) {
      formula.style.removeProperty("--share");
      const parts = [...formula.querySelectorAll("math")];
      const share = formula.clientWidth
        / Math.max(...parts.map((part) => part.getBoundingClientRect().width));
      if (share < 1) formula.style.setProperty("--share", Math.max(NARROWEST, share * 0.99));
      formula.classList.toggle("cut", formula.scrollWidth > formula.clientWidth + 1);
    }
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
    element.addEventListener("click", () => dragged || jump(stepOf(id)));
    element.addEventListener("keydown", (event) => {
      if (event.key === "Enter") jump(stepOf(id));
    });
    for (const name of ["mouseenter", "focus"]) element.addEventListener(name, () => details(id));
    for (const name of ["mouseleave", "blur"]) element.addEventListener(name, () => details(null));
  }
  for (const id in data.edges) {
    const line = $(id).querySelector("path");
    const hit = line.cloneNode(); // a line is too thin to be hit
    hit.setAttribute("class", "hit");
    line.before(hit);
    $(id).addEventListener("click", () => dragged || jump(stepOfEdge(id)));
  }
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
    if (gradient) parts.push(["div", isComplete(id) ? "gradient" : "gradient: not complete yet"]);
    if (gradient && isComplete(id)) parts.push(["pre", gradient]);
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

  const { x, y, width, height } = svg.viewBox.baseVal;
  const all = { x, y, width, height };
  let view = { x: 0, y: 0, scale: 1 }; // what is seen: the corner, and pixels per unit
  let dragged = false;
  let chosen = false; // whether the reader has moved or zoomed: then we no longer zoom

  function look() {
    const { clientWidth, clientHeight } = $("picture");
    svg.setAttribute("viewBox",
      `${view.x} ${view.y} ${clientWidth / view.scale} ${clientHeight / view.scale}`);
  }

  /* Show all, or if that would be too small to tell things apart, where it begins. */
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
    chosen = true;
    x ??= clientWidth / 2;
    y ??= clientHeight / 2;
    const scale = Math.max(0.05, Math.min(8, view.scale * factor));
    view.x += x / view.scale - x / scale;
    view.y += y / view.scale - y / scale;
    view.scale = scale;
    look();
  }

  /* Bring what happens into sight, and of what is around it as much as there is room for. */
  function follow(elements, around) {
    if (!elements.length) {
      if (!chosen) fit(OVERVIEW);
      return;
    }
    const frame = $("picture").getBoundingClientRect();
    const boxes = [...elements, ...around].map((element) => {
      const { left, right, top, bottom } = element.getBoundingClientRect();
      const [x, y] = [view.x - frame.left / view.scale, view.y - frame.top / view.scale];
      return {
        left: x + left / view.scale, right: x + right / view.scale,
        top: y + top / view.scale, bottom: y + bottom / view.scale,
      };
    });
    const union = (a, b) => ({
      left: Math.min(a.left, b.left), right: Math.max(a.right, b.right),
      top: Math.min(a.top, b.top), bottom: Math.max(a.bottom, b.bottom),
    });
    const scaleFor = (box) =>
      Math.min(frame.width / (box.right - box.left), frame.height / (box.bottom - box.top));
    const whole = 0.97 * scaleFor(boxes.slice(0, elements.length).reduce(union));
    const scale = chosen ? view.scale
      : Math.max(SMALL, Math.min(whole, Math.max(view.scale, READABLE)));
    const [width, height] = [frame.width / scale, frame.height / scale];
    const seen = boxes.reduce((sum, box) => {
      const both = union(sum, box);
      return scaleFor(both) >= scale ? both : sum;
    });
    const inside = view.x <= seen.left && seen.right <= view.x + frame.width / view.scale
      && view.y <= seen.top && seen.bottom <= view.y + frame.height / view.scale;
    if (inside && scale === view.scale) return;
    // What is there to be seen stays within the frame, as far as it fills it.
    const within = (middle, length, from, size) => size <= length ? from + (size - length) / 2
      : Math.max(from, Math.min(middle - length / 2, from + size - length));
    view.scale = scale;
    view.x = within((seen.left + seen.right) / 2, width, all.x, all.width);
    view.y = within((seen.top + seen.bottom) / 2, height, all.y, all.height);
    look();
  }

  svg.addEventListener("wheel", (event) => {
    // Inside another page the wheel scrolls that page; with Ctrl, as everywhere, it zooms.
    if (embedded && !event.ctrlKey && !event.metaKey) return;
    event.preventDefault();
    const frame = svg.getBoundingClientRect();
    zoom(Math.exp(-event.deltaY / 500), event.clientX - frame.left, event.clientY - frame.top);
  }, { passive: false });
  const ENDS = ["pointerup", "pointercancel"];
  svg.addEventListener("pointerdown", ({ clientX, clientY }) => {
    const start = { x: view.x, y: view.y };
    dragged = false;
    const move = (event) => {
      const dx = event.clientX - clientX;
      const dy = event.clientY - clientY;
      if (Math.hypot(dx, dy) < 4 && !dragged) return;
      dragged = chosen = true;
      svg.classList.add("dragging");
      view.x = start.x - dx / view.scale;
      view.y = start.y - dy / view.scale;
      look();
    };
    const stop = () => {
      svg.classList.remove("dragging");
      removeEventListener("pointermove", move);
      for (const end of ENDS) removeEventListener(end, stop);
    };
    addEventListener("pointermove", move);
    for (const end of ENDS) addEventListener(end, stop);
  });
  addEventListener("resize", () => {
    if (!chosen) fit(OVERVIEW);
    show(step);
  });
  addEventListener("beforeprint", () => { // on paper one cannot move around
    svg.setAttribute("viewBox", `${all.x} ${all.y} ${all.width} ${all.height}`);
  });
  addEventListener("afterprint", look);

  // --- begin ---------------------------------------------------------------------------------------

  const stepInAddress = () => Number(/step=(\d+)/.exec(location.hash)?.[1] ?? 0);
  addEventListener("hashchange", () => jump(stepInAddress()));
  svg.removeAttribute("width");
  svg.removeAttribute("height");
  document.body.classList.toggle("embedded", embedded);
  fit(OVERVIEW);
  show(stepInAddress());
})();
