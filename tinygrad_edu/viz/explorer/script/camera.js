/* Zoom and pan. */

const { x, y, width, height } = svg.viewBox.baseVal;
const all = { x, y, width, height };
const frame = { width: 0, height: 0 }; // of the picture on the screen
let view = { x: 0, y: 0, scale: 1 }; // what is seen: the corner, and pixels per unit
let dragged = false;
let chosen = false; // whether the reader has moved or zoomed: then we no longer zoom

// We move the graph by a transform. With another viewBox the browser would lay out all text anew.
const graph = svg.querySelector(".graph");
const moved = document.createElementNS(svg.namespaceURI, "g");
graph.before(moved);
moved.append(graph);

function look() {
  svg.removeAttribute("viewBox");
  moved.setAttribute("transform", `scale(${view.scale}) translate(${-view.x} ${-view.y})`);
}

/* Measure the picture when its size changes, and not whenever something is shown: the browser would
   have to lay out the page for it. */
function measure() {
  const { clientWidth, clientHeight } = $("picture");
  if (clientWidth) Object.assign(frame, { width: clientWidth, height: clientHeight });
}

new ResizeObserver(measure).observe($("picture"));
const { e: fromLeft, f: fromTop } = graph.transform.baseVal.consolidate().matrix;
const boxes = new Map(); // element -> where it is in the graph, which does not change

function boxOf(element) {
  if (!boxes.has(element)) {
    const { x, y, width, height } = element.getBBox();
    const edge = 2; // half of a thick border
    boxes.set(element, {
      left: fromLeft + x - edge, right: fromLeft + x + width + edge,
      top: fromTop + y - edge, bottom: fromTop + y + height + edge,
    });
  }
  return boxes.get(element);
}

/* Show all, or if that would be too small to tell things apart, where it begins. */
function fit(least = 0) {
  view.scale = Math.max(least, Math.min(frame.width / all.width, frame.height / all.height, 1.5));
  const [width, height] = [frame.width / view.scale, frame.height / view.scale];
  view.x = all.x + Math.min(0, (all.width - width) / 2);
  view.y = all.y + Math.min(0, (all.height - height) / 2);
  look();
}

function zoom(factor, x, y) {
  chosen = true;
  x ??= frame.width / 2;
  y ??= frame.height / 2;
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
  const places = [...elements, ...around].map(boxOf);
  const union = (a, b) => ({
    left: Math.min(a.left, b.left), right: Math.max(a.right, b.right),
    top: Math.min(a.top, b.top), bottom: Math.max(a.bottom, b.bottom),
  });
  const scaleFor = (box) =>
    Math.min(frame.width / (box.right - box.left), frame.height / (box.bottom - box.top));
  const whole = 0.97 * scaleFor(places.slice(0, elements.length).reduce(union));
  const scale = chosen ? view.scale
    : Math.max(SMALL, Math.min(whole, Math.max(view.scale, READABLE)));
  const [width, height] = [frame.width / scale, frame.height / scale];
  const seen = places.reduce((sum, box) => {
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
  const { left, top } = svg.getBoundingClientRect();
  zoom(Math.exp(-event.deltaY / 500), event.clientX - left, event.clientY - top);
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
  measure();
  if (!chosen) fit(OVERVIEW);
  show(step);
});
addEventListener("beforeprint", () => { // on paper one cannot move around
  moved.removeAttribute("transform");
  svg.setAttribute("viewBox", `${all.x} ${all.y} ${all.width} ${all.height}`);
});
addEventListener("afterprint", look);
