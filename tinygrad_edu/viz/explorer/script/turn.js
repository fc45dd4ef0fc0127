/* Your turn: the number of a step is asked before it is shown. Page and numbers come from Python;
   here an answer is compared with what is right, and with the mistakes that are to be expected. */

const CLOSE = 0.05;
const NO_NUMBER = "That is no number: write it as −0.25, 1e-3 or −1/4.";
let asking = false;
const answered = {}; // step -> whether the reader has found it, or had it shown

function isWithheld(i) {
  return asking && i === step && i in data.questions && !(i in answered);
}

function readNumber(text) {
  const [above, below, ...rest] = text.trim().replaceAll("−", "-").replace(",", ".").split("/");
  const numbers = [above, below ?? "1"].map((part) => (part.trim() ? Number(part) : NaN));
  return rest.length ? NaN : numbers[0] / numbers[1];
}

/* What there is to say of the numbers that a reader gives. */
function judged(given, { fields, mistakes }) {
  if (!given.every(Number.isFinite)) return { right: false, says: NO_NUMBER };
  const right = fields.map(([, value]) => value);
  const least = 1e-9 * Math.max(...right.map(Math.abs));
  const isNear = (x, y, share = data.near) => Math.abs(x - y) <= share * Math.abs(y) + least;
  const areNear = (values, share) => given.every((x, i) => isNear(x, values[i], share));
  if (areNear(right)) return { right: true, says: "Right." };
  const mistake = mistakes.find(([, values]) => areNear(values, data.near / 10))
    ?? mistakes.find(([, values]) => areNear(values));
  if (mistake) return { right: false, says: data.sentences[mistake[0]] };
  const wrong = fields.filter(([, value], i) => !isNear(given[i], value)).map(([name]) => name);
  if (wrong.length < fields.length) {
    return { right: false, says: `Right but for ${wrong.join(" and ")}.` };
  }
  if (areNear(right, CLOSE)) return { right: false, says: "Close, but not near enough: use more digits." };
  return { right: false, says: "It is not right." };
}

function element(tag, attributes = {}, ...children) {
  const made = Object.assign(document.createElement(tag), attributes);
  made.append(...children);
  return made;
}

/* The question of the step on view, in front of its answer, which is hidden. */
whenShown.push(() => {
  $("turn").setAttribute("aria-pressed", asking);
  if (!isWithheld(step)) return;
  pause();
  const question = data.questions[step];
  const answer = $("story").querySelector(".answer");
  const inputs = question.fields.map(([name]) =>
    element("input", { type: "text", autocomplete: "off", spellcheck: false, ariaLabel: name }));
  const hint = element("div", { innerHTML: question.hint, hidden: true });
  const says = element("output", { className: "says" });
  says.setAttribute("role", "status");
  const button = (textContent, click) => {
    const made = element("button", { type: "button", textContent });
    made.addEventListener("click", click);
    return made;
  };
  const form = element("form", { className: "turn", ariaLabel: "Your turn" },
    element("h3", { textContent: "Your turn" }),
    element("p", { innerHTML: question.asks }),
    ...question.fields.map(([name], i) => element("label", {}, `${name} = `, inputs[i])),
    hint,
    element("div", { className: "choices" },
      element("button", { textContent: "check" }),
      ...(question.hint ? [button("hint", () => { hint.hidden = false; fitFormulas(); })] : []),
      button("show it", () => reveal(false, "Shown."))),
    says);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const { right, says: text } = judged(inputs.map(({ value }) => readNumber(value)), question);
    if (right) reveal(true, text);
    else says.textContent = text;
  });
  form.addEventListener("keydown", ({ key }) => key === "Escape" && $("story").focus());
  answer.hidden = true;
  answer.before(form);
  // On a phone the keys on the screen would hide the graph.
  if (!matchMedia("(pointer: coarse)").matches) inputs[0].focus({ preventScroll: true });
});

/* Show the result of the step on view, with what there is to say of it, and the way to go on. */
function reveal(isFound, text) {
  answered[step] = isFound;
  show(step);
  const found = Object.values(answered).filter(Boolean).length;
  const asked = Object.keys(data.questions).length;
  const says = element("p", { className: "says" }, `${text} ${found} of ${asked} found. `);
  says.setAttribute("role", "status");
  const next = element("button", { type: "button", textContent: "go on" });
  next.addEventListener("click", actions.forward);
  $("story").querySelector(".answer").before(says, next);
  next.focus({ preventScroll: true });
}

/* Being asked begins at the next question. */
actions.turn = () => {
  asking = !asking;
  const next = Object.keys(data.questions).map(Number).find((i) => i >= step && !(i in answered));
  jump(asking ? next ?? step : step);
};
KEYS.t = KEYS.T = "turn";
$("turn").addEventListener("click", actions.turn);
$("turn").hidden = !Object.keys(data.questions).length;
