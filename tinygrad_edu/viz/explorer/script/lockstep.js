/* Inside a page that shows two explorers: it says which step, and is told where the reader goes. */

let led = null; // the step that was asked for, once there is somebody who asks

/* For the page around: how many steps, where backward begins, and how large gradients are. */
function described() {
  const begin = data.steps.findIndex(({ phase }) => phase === "seed");
  const layers = data.layers.map(({ nodes, ...layer }) =>
    ({ ...layer, step: Math.max(...nodes.map((id) => arrivals[id]?.at(-1) ?? last)) }));
  return { last, begin, layers };
}

addEventListener("message", ({ source, data: message }) => {
  if (source !== parent || source === self || !message?.lockstep) return;
  const { wanted } = message.lockstep;
  document.body.classList.add("led");
  if (led === null) parent.postMessage({ lockstep: described() }, "*");
  led = wanted;
  pause();
  if (wanted !== step) show(wanted);
});

whenShown.push(() => {
  if (led === null || led === step) return;
  led = step;
  parent.postMessage({ lockstep: { shown: step } }, "*");
});
