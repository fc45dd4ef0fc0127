/* Begin. */

const stepInAddress = () => Number(/step=(\d+)/.exec(location.hash)?.[1] ?? 0);
addEventListener("hashchange", () => jump(stepInAddress()));
svg.removeAttribute("width");
svg.removeAttribute("height");
document.body.classList.toggle("embedded", embedded);
measure();
fit(OVERVIEW);
show(stepInAddress());
if ("handout" in document.body.dataset) layOut();
