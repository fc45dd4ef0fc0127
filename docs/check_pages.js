/* What a reader could not read on this page, at its size and in its theme: a list of sentences.
   Measured are the boxes of all words, and not the source. */
(least) => {
  const found = [];
  const say = (what, text) => found.push(`${what}: ${text.trim().replace(/\s+/g, " ").slice(0, 50)}`);
  const root = document.scrollingElement;
  const wide = root.scrollWidth - root.clientWidth;
  if (wide > 1) say(`is ${wide} px wider than the window`, widest());

  function widest() {
    const all = [...document.body.querySelectorAll("*")].filter((e) => !hidden(e));
    const right = (e) => e.getBoundingClientRect().right;
    const outside = all.filter((e) => right(e) > root.clientWidth + 1 && !scroller(e));
    const { tagName, className } = outside.at(-1) ?? document.body;
    return `${tagName.toLowerCase()}.${className}`;
  }

  function hidden(element) {
    return !element.checkVisibility({ opacityProperty: true, visibilityProperty: true });
  }

  /* The nearest box around an element that a reader can scroll. */
  function scroller(element) {
    for (let box = element.parentElement; box && box !== root; box = box.parentElement) {
      if (/auto|scroll/.test(getComputedStyle(box).overflowX)) return box;
    }
    return null;
  }

  // What is moved about by hand, and what is there for screen readers only.
  const APART = "script, style, noscript, template, #picture svg, mjx-assistive-mml, .visually-hidden";
  const words = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const node = walker.currentNode;
    const element = node.parentElement;
    if (!node.data.trim() || element.closest(APART) || hidden(element)) continue;
    const range = document.createRange();
    range.selectNodeContents(node);
    const boxes = [...range.getClientRects()].filter((box) => box.width > 1 && box.height > 1);
    if (boxes.length) words.push({ text: node.data, element, boxes });
  }

  for (const { text, element, boxes } of words) {
    const style = getComputedStyle(element);
    const matrix = element.ownerSVGElement && element.getScreenCTM();
    const size = parseFloat(style.fontSize) * (matrix ? Math.hypot(matrix.a, matrix.b) : 1);
    const enough = element.closest("math") ? 0.75 * least : least; // an exponent of an exponent
    if (size < enough) say(`has letters of ${size.toFixed(1)} px`, text);
    const box = element.closest("math") ?? element;
    const cut = cutBy(box, boxes);
    if (cut) say(`is cut by ${cut}`, text);
    const contrast = element.ownerSVGElement ? null : contrastOf(element, style.color);
    if (contrast !== null && contrast < 3) say(`has a contrast of ${contrast.toFixed(1)}`, text);
  }

  /* The box around some words that hides a part of them, and cannot be scrolled. */
  function cutBy(element, boxes) {
    for (let box = element; box && box !== document.body; box = box.parentElement) {
      const { overflowX, overflowY, textOverflow, display } = getComputedStyle(box);
      if (display === "inline" || display === "contents") continue;
      const edge = box.getBoundingClientRect();
      const hides = (overflow) => /hidden|clip/.test(overflow);
      const across = boxes.some((b) => b.right > edge.right + 2 || b.left < edge.left - 2);
      const down = boxes.some((b) => b.bottom > edge.bottom + 4 || b.top < edge.top - 4);
      const cut = (hides(overflowX) && across) || (hides(overflowY) && down);
      if (cut && textOverflow !== "ellipsis") return `${box.tagName.toLowerCase()}.${box.className}`;
      if (/auto|scroll/.test(overflowX + overflowY)) return null;
    }
    return null;
  }

  function channels(color) {
    const parts = color.match(/[\d.]+/g)?.map(Number) ?? [];
    const scale = color.startsWith("color(") ? 255 : 1;
    return [...parts.slice(0, 3).map((part) => part * scale), parts[3] ?? 1];
  }

  function contrastOf(element, color) {
    for (let box = element; box; box = box.parentElement) {
      const { backgroundColor, backgroundImage } = getComputedStyle(box);
      if (backgroundImage !== "none") return null; // who knows what is behind it
      const ground = channels(backgroundColor);
      if (ground[3] > 0.5) return ratio(channels(color), ground);
    }
    return null;
  }

  function ratio(...colors) {
    const light = colors.map((color) => {
      const linear = color.slice(0, 3).map((part) => {
        const share = part / 255;
        return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
      });
      return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2];
    });
    return (Math.max(...light) + 0.05) / (Math.min(...light) + 0.05);
  }

  // Words on other words. What is scrolled out of a box, or stays in place above all, is not there.
  const seen = words.flatMap(({ text, element, boxes }) => {
    const edge = scroller(element)?.getBoundingClientRect();
    const fixed = (box) => box && (/fixed|sticky/.test(getComputedStyle(box).position) || fixed(box.parentElement));
    if (fixed(element)) return [];
    return boxes
      .filter((b) => !edge || (b.left >= edge.left - 1 && b.right <= edge.right + 1
        && b.top >= edge.top - 1 && b.bottom <= edge.bottom + 1))
      .map((box) => ({ text, element, box }));
  }).sort((a, b) => a.box.top - b.box.top);
  seen.forEach((one, i) => {
    for (let j = i + 1; j < seen.length && seen[j].box.top < one.box.bottom; j += 1) {
      const other = seen[j];
      const across = Math.min(one.box.right, other.box.right) - Math.max(one.box.left, other.box.left);
      const down = Math.min(one.box.bottom, other.box.bottom) - other.box.top;
      const lower = Math.min(one.box.height, other.box.height);
      const together = one.element === other.element
        || (one.element.closest("math") && one.element.closest("math") === other.element.closest("math"));
      if (across > 3 && down > 0.4 * lower && !together) say(`overlaps "${other.text.trim().slice(0, 20)}"`, one.text);
    }
  });

  // Letters in pictures become smaller with them.
  for (const image of document.images) {
    if (!image.naturalWidth || hidden(image) || image.closest(APART)) continue;
    found.push({ image: image.src, scale: image.getBoundingClientRect().width / image.naturalWidth });
  }
  return found;
}
