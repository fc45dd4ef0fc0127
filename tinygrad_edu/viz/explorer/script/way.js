/* The way of a nan or an inf, from where it is born. */

if (data.way) {
  const { said, birth, edges, back } = data.way;
  $("way").hidden = false;
  $("birth").textContent = said;
  $("to-birth").addEventListener("click", () => jump((back ? flows[edges[0]] : computed[birth]) ?? 0));
  lit.way = () => [birth, ...edges];
}
