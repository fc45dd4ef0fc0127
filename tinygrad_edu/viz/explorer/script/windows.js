/* Windows that are moved: for an element of a result, the elements that it was made of. */

function openWindows(box) {
  const made = JSON.parse(box.dataset.cells);
  const results = [...box.querySelectorAll(".result td")];
  const cellOf = Object.fromEntries(
    [...box.querySelectorAll("td")].map((cell) => [cell.dataset.cell, cell]),
  );

  function choose(chosen) {
    for (const cell of box.querySelectorAll("td")) {
      cell.classList.remove("lit", "chosen");
      delete cell.dataset.factor;
    }
    for (const cell of results) cell.tabIndex = cell === chosen ? 0 : -1;
    chosen.classList.add("chosen");
    const [lit, sum] = made[chosen.dataset.cell.split("-")[1]];
    for (const [name, factor] of Object.entries(lit)) {
      cellOf[name].classList.add("lit");
      if (factor) cellOf[name].dataset.factor = factor;
    }
    box.querySelector(".sum").innerHTML = sum;
    fitFormulas(box);
  }

  const above = (cell, rows) => {
    const row = rows < 0 ? cell.parentElement.previousElementSibling : cell.parentElement.nextElementSibling;
    return row?.cells[cell.cellIndex];
  };
  const NEXT = {
    ArrowLeft: (cell) => results[results.indexOf(cell) - 1],
    ArrowRight: (cell) => results[results.indexOf(cell) + 1],
    ArrowUp: (cell) => above(cell, -1),
    ArrowDown: (cell) => above(cell, 1),
  };
  for (const cell of results) {
    cell.addEventListener("pointerenter", () => choose(cell));
    cell.addEventListener("focus", () => choose(cell));
    cell.addEventListener("keydown", (event) => {
      const next = NEXT[event.key];
      if (!next || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      event.stopPropagation(); // these keys do not step through the story here
      next(cell)?.focus();
    });
  }
  choose(results[0]);
}

whenWritten.push((text) => text.querySelectorAll(".windows").forEach(openWindows));
