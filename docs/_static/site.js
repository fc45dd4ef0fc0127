"use strict";
/* The pages inside of ours are light or dark as ours is, also when that is switched. */
const theme = () => ({ theme: document.documentElement.dataset.theme });
addEventListener("message", ({ data, source }) => {
  if (data === "which theme?") source.postMessage(theme(), "*");
});
// A page inside of ours may say how high it is.
addEventListener("message", ({ data, source }) => {
  const frame = [...document.querySelectorAll("iframe")].find((f) => f.contentWindow === source);
  if (frame && data.height > 0) frame.style.height = `${data.height + 2}px`;
});
new MutationObserver(() => {
  for (const frame of document.querySelectorAll("iframe")) {
    frame.contentWindow.postMessage(theme(), "*");
  }
}).observe(document.documentElement, { attributeFilter: ["data-theme"] });

// A page from disk may not read the others, from which the search would quote.
if (location.protocol === "file:") DOCUMENTATION_OPTIONS.SHOW_SEARCH_SUMMARY = false;

// A link to a step of an explorer opens it in the explorer's frame, which may be out of sight.
addEventListener("click", ({ target }) => {
  const link = target.closest("a.step");
  const frame = link && document.getElementsByName(link.target)[0];
  frame?.scrollIntoView({ block: "nearest" });
});
