"use strict";
/* Inside another page, which may say whether it is light or dark. */
addEventListener("message", ({ data }) => {
  if (["light", "dark"].includes(data?.theme)) document.documentElement.dataset.theme = data.theme;
});
if (self !== top) parent.postMessage("which theme?", "*");
