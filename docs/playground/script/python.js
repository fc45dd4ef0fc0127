// The same in Python: the data, the weights at the beginning, and every step.

function python() {
  const { X, y } = POINTS(settings.data);
  const layers = net.layers.map((_, l) => l + 1);
  const names = net.parameters.map(({ name }) => name);
  return `"""What the playground showed, with tinygrad_edu: the same losses, but for rounding."""

import numpy as np

import tinygrad_edu as tg

X = np.array(
${inLines(X.map((row) => `[${row.map(float).join(", ")}]`))}
)
y = np.array(
${inLines(y.map((label) => label.toFixed(1)))}
)[:, None]
${net.parameters.map(({ name, start }) => `${name} = tg.Tensor(${nested(start)}, requires_grad=True, name="${name}")`).join("\n")}


def network(x):
${layers.map((l) => `    ${l === layers.length ? "return" : `h${l} =`} ${layerCall(l, layers.length)}`).join("\n")}


optimizer = tg.optim.SGD([${names.join(", ")}], lr=${rateInPython()})
for epoch in range(${epoch() + 1}):
    loss = tg.sigmoid_cross_entropy(network(X), y)
    if epoch % ${every()} == 0 or epoch == ${epoch()}:
        print(epoch, loss.item())
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
`;
}

function layerCall(l, count) {
  const linear = `tg.linear(${l === 1 ? "x" : `h${l - 1}`}, W${l}, b${l})`;
  return l === count || settings.activation === "none"
    ? linear
    : `tg.${settings.activation}(${linear})`;
}

// A rate that was changed on the way is a schedule.
function rateInPython() {
  const used = rates.filter(([since], i) => since < epoch() || i === 0);
  const words = used.map(([, rate], i) =>
    i < used.length - 1 ? `${rate} if step < ${used[i + 1][0]} else ` : `${rate}`,
  );
  return used.length > 1 ? `lambda step: ${words.join("")}` : words[0];
}

const every = () => Math.max(1, 10 ** Math.floor(Math.log10(Math.max(1, epoch() / 5))));

function nested({ shape, data }) {
  if (shape.length === 1) return `[${[...data].map(float).join(", ")}]`;
  const row = (i) =>
    nested({ shape: shape.slice(1), data: data.slice(i * shape[1], (i + 1) * shape[1]) });
  return `[${Array.from({ length: shape[0] }, (_, i) => row(i)).join(", ")}]`;
}

const float = (x) => (Number.isInteger(x) ? x.toFixed(1) : String(x));

// A list in lines of a length that can be read.
function inLines(words) {
  const lines = [""];
  for (const word of words) {
    if (lines.at(-1).length + word.length > 88) lines.push("");
    lines[lines.length - 1] += `${word}, `;
  }
  return `    [\n${lines.map((line) => `        ${line.trimEnd()}`).join("\n")}\n    ]`;
}
