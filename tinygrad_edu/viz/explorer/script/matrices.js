/* Products of matrices: for an entry of the result, its row and its column, and how they add up. */

/* The matrices in a formula: their rows of cells, as they stand in the product. */
function factorsOf(formula) {
  const cells = [...formula.querySelectorAll("mtable.matrix")]
    .map((table) => [...table.children].map((row) => [...row.children]));
  const turned = formula.dataset.product.split(" ");
  const transpose = (rows) => rows[0].map((_, j) => rows.map((row) => row[j]));
  const [left, right, ...rest] = cells;
  const height = (turned.includes("left") ? transpose(left) : left).length;
  return {
    left: turned.includes("left") ? transpose(left) : left,
    right: turned.includes("right") ? transpose(right) : right,
    plus: rest.length > 1 ? rest[0] : null, // what is added to the product
    result: rest.at(-1) ?? [[formula.querySelector("math:last-of-type > mn:last-child")]],
    height,
  };
}

/* Light what an entry of a product is made of, and write it as a sum. */
function explain(formula, i, j) {
  const { left, right, plus, result } = factorsOf(formula);
  const row = left[i];
  const column = right.map((cells) => cells[j]);
  const more = plus ? [plus[plus.length > 1 ? i : 0][plus[0].length > 1 ? j : 0]] : [];
  for (const cell of formula.querySelectorAll(".lit")) cell.classList.remove("lit");
  for (const cell of [...row, ...column, ...more, result[i][j]]) cell.classList.add("lit");
  const bracketed = (cell) => cell.textContent.replace(/^−.*/, "($&)");
  const terms = row.map((cell, k) => `${k ? bracketed(cell) : cell.textContent} · ${bracketed(column[k])}`);
  formula.nextSibling.textContent
    = `${[...terms, ...more.map(bracketed)].join(" + ")} = ${result[i][j].textContent}`;
}

function explainProduct(formula) {
  formula.after(make("p", "sum"));
  factorsOf(formula).result.forEach((cells, i) => cells.forEach((cell, j) => {
    cell.setAttribute("tabindex", "0");
    cell.setAttribute("role", "button");
    cell.setAttribute("aria-label", `row ${i + 1}, column ${j + 1}: ${cell.textContent}`);
    for (const name of ["mouseenter", "focus", "click"]) {
      cell.addEventListener(name, () => explain(formula, i, j));
    }
  }));
  explain(formula, 0, 0);
}

/* A product of a transposed matrix adds up row by row; with a batch, sample by sample. */
function explainRows(place) {
  const parts = JSON.parse(place.dataset.rows);
  const formula = place.previousSibling.previousSibling; // behind the sum of its product
  const { left, right } = factorsOf(formula);
  const said = make("p", "so-far");
  const showRow = (n) => {
    for (const cell of formula.querySelectorAll(".lit")) cell.classList.remove("lit");
    for (const cell of [...left.map((row) => row[n]), ...right[n]]) cell.classList.add("lit");
    buttons.forEach((button, i) => button.setAttribute("aria-pressed", i === n));
    said.replaceChildren(`Row ${n + 1} of both brings `, asMatrix(parts[n].added), n ? " , so far " : "",
      ...(n ? [asMatrix(parts[n].sum)] : []));
  };
  const buttons = parts.map((_, n) => {
    const button = make("button", "", String(n + 1));
    button.setAttribute("aria-label", `row ${n + 1}`);
    button.addEventListener("click", () => showRow(n));
    return button;
  });
  place.append(make("span", "", "It adds up sample by sample, row "), ...buttons, said);
}

whenWritten.push((text) => {
  for (const formula of text.querySelectorAll("[data-product]")) explainProduct(formula);
  for (const place of text.querySelectorAll("[data-rows]")) explainRows(place);
});
