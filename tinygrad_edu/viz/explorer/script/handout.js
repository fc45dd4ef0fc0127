/* All steps on paper: the graph and the program in front, then one step after the other. */

const STRIP = 1300; // units of the graph that are as wide as a page, so that the cards can be read

/* Where to cut a wide graph into strips: between cards, if there is such a place. */
function cuts() {
  const cards = [...svg.querySelectorAll(".node")].map(boxOf);
  const inside = (place) => cards.some(({ left, right }) => left < place && place < right);
  const between = cards.map(({ right }) => right + 2).filter((place) => !inside(place));
  const end = all.x + all.width;
  const found = [all.x];
  while (end - found.at(-1) > STRIP) {
    const from = found.at(-1);
    const within = between.filter((place) => from + STRIP / 2 < place && place <= from + STRIP);
    found.push(within.length ? Math.max(...within) : from + STRIP);
  }
  return [...found, end];
}

/* The graph after the last step, in strips as wide as a page. */
function strips() {
  const places = cuts();
  return places.slice(1).map((end, i) => {
    const strip = svg.cloneNode(true);
    strip.firstElementChild.removeAttribute("transform");
    for (const element of [strip, ...strip.querySelectorAll("[id], [tabindex]")]) {
      element.removeAttribute("id"); // which belong to the graph that can be stepped through
      element.removeAttribute("tabindex");
    }
    strip.setAttribute("viewBox", `${places[i]} ${all.y} ${end - places[i]} ${all.height}`);
    strip.style.width = `${100 * Math.min(1, (end - places[i]) / Math.min(STRIP, all.width))}%`;
    return strip;
  });
}

function section({ html, phase }, i) {
  const found = make("section", `told ${phase}`);
  found.innerHTML = html;
  found.querySelector("h2").prepend(make("small", "", `${i} `));
  return found;
}

/* Write all steps below each other. */
function layOut() {
  show(last);
  const listing = data.program ? [make("pre", "", data.program.lines.join("\n"))] : [];
  const steps = make("div", "steps", ...data.steps.map(section));
  $("handout").replaceChildren(make("div", "front", ...strips(), ...listing), steps);
  document.body.classList.add("handout");
  for (const tell of whenWritten) tell(steps);
  fitFormulas(steps);
}

function putAway() {
  document.body.classList.remove("handout");
  $("handout").replaceChildren();
}

$("paper").addEventListener("click", () => {
  const before = step;
  layOut();
  print();
  putAway();
  show(before);
});
