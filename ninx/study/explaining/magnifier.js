"use strict";
/* The magnifier: one value of one layer, where it comes from, and the numbers that make it. */

/** An element with attributes and children; `on...` are listeners. */
function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value !== undefined && value !== false) element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

/** Show the value that `chosen` names: {n: the layer, i, j, k: row, column and map, from: the input map}. `choose` changes it. */
function showCell(box, net, outputs, chosen, choose) {
  const { n, i, j, k } = chosen, layer = net.layers[n], x = outputs[n], y = outputs[n + 1];
  const cell = cellOf(layer, x, y, i, j, k), focus = document.activeElement?.dataset?.part;
  const from = sourceMap(cell, chosen, k);
  box.replaceChildren(
    make("h3", { id: "magnifier-title" }, layerTitle(layer)),
    controls(net, outputs, chosen, choose),
    pictures(x, y, cell, chosen, from, choose),
    make("p", { class: "sentence" }, sentence(layer, x, cell, net, k)),
    ...numbers(layer, x, cell, chosen, from, choose),
  );
  if (focus) box.querySelector(`[data-part="${focus}"]`)?.focus();
}

/** The input map that is shown: of a sum the one that was chosen, or the one with the largest share. */
function sourceMap(cell, chosen, k) {
  if (!cell.shares) return cell.channel ?? k;
  if (chosen.from !== null && chosen.from < cell.shares.length) return chosen.from;
  return cell.shares.reduce((best, share) => (Math.abs(share.sum) > Math.abs(best.sum) ? share : best)).channel;
}

function controls(net, outputs, chosen, choose) {
  const y = outputs[chosen.n + 1], box = make("div", { class: "controls" });
  const field = (part, word, most) => make("label", {}, say(word), make("input", {
    type: "number", min: 1, max: most, value: chosen[part] + 1, "data-part": part, disabled: most === 1,
    onchange: (event) => choose({ [part]: Math.min(most, Math.max(1, Math.round(Number(event.target.value)) || 1)) - 1, from: null }),
  }));
  box.append(field("k", y.h * y.w === 1 ? "number" : "map", y.c));
  if (y.h * y.w > 1) box.append(field("i", "row", y.h), field("j", "column", y.w));
  box.append(make("button", { type: "button", "data-part": "strongest", onclick: () => choose({ ...strongestCell(y, chosen.k), from: null }) }, say("strongest")));
  return box;
}

/** Where map k of y has its strongest value. */
function strongestCell(y, k) {
  let best = 0;
  for (let p = 1; p < y.h * y.w; p++) if (Math.abs(y.data[p * y.c + k]) > Math.abs(y.data[best * y.c + k])) best = p;
  return { i: Math.floor(best / y.w), j: best % y.w };
}

/** What the layer reads, with its window, and what it makes, with the value. A click takes another value, of this layer or the one before. */
function pictures(x, y, cell, chosen, from, choose) {
  const side = 132, box = make("div", { class: "pair" });
  const frame = (map, k, words, mark, pick) => {
    const canvas = make("canvas", { class: "pixels" });
    const zoom = drawMap(canvas, map, k, side, strongest(map.data)), step = zoom.size / zoom.skip;
    mark(canvas.getContext("2d"), step);
    if (pick) {
      canvas.classList.add("pick");
      canvas.addEventListener("click", (event) => {
        const area = canvas.getBoundingClientRect();
        const place = (part, length, size) => Math.min(size - 1, Math.max(0, Math.floor((part / length) * size)));
        choose({ ...pick, i: place(event.clientY - area.top, area.height, map.h), j: place(event.clientX - area.left, area.width, map.w), from: null });
      });
    }
    return make("figure", {}, canvas, make("figcaption", {}, words));
  };
  const outline = (context, step, top, left, height, width) => {
    context.lineWidth = 2;
    for (const [colour, grow] of [["#fff", 1], ["#000", 2.5]]) {
      context.strokeStyle = colour;
      context.strokeRect(left * step - grow, top * step - grow, width * step + 2 * grow, height * step + 2 * grow);
    }
  };
  if (x.h * x.w > 1) {
    const rows = cell.rows, columns = cell.columns, tall = rows.at(-1) - rows[0] + 1, wide = columns.at(-1) - columns[0] + 1;
    box.append(frame(x, from, `${say("reads")}: ${say("map")} ${from + 1}`, (context, step) => outline(context, step, rows[0], columns[0], tall, wide), chosen.n > 0 && { n: chosen.n - 1, k: from }));
    box.append(make("span", { class: "arrow", "aria-hidden": "true" }, "→"));
  }
  if (y.h * y.w > 1) {
    box.append(frame(y, chosen.k, `${say("makes")}: ${say("map")} ${chosen.k + 1}`, (context, step) => outline(context, step, chosen.i, chosen.j, 1, 1), {}));
  } else {
    box.append(make("figure", {}, make("output", { class: "big" }, figure(cell.value)), make("figcaption", {}, `${say("makes")}: ${say("number")} ${chosen.k + 1}`)));
  }
  return box;
}

/** What happens here, in words. */
function sentence(layer, x, cell, net, k) {
  switch (layer.kind) {
    case "conv": {
      const count = cell.rows.length * cell.columns.length, words = { maps: x.c, window: layer.kernel.join("×"), count, total: counted(count * x.c) };
      return say(count === 1 ? "sentencePoint" : x.c === 1 ? "sentenceOne" : "sentenceConv", words);
    }
    case "linear": return say("sentenceLinear", { maps: counted(x.data.length) });
    case "maxPool": return say("sentenceMax");
    case "averagePool": return say("sentenceAverage", { sum: figure(cell.sum), divisor: cell.divisor });
    case "globalAverage": return say("sentenceGlobal", { sum: figure(cell.sum), divisor: cell.divisor, name: x.c === net.classes.length ? net.classes[k] : "" });
    case "batchNorm": return say("sentenceNorm");
    case "flatten": return say("sentenceFlatten", { row: cell.rows[0] + 1, column: cell.columns[0] + 1, map: cell.channel + 1 });
    case "softmax": return say("sentenceSoftmax");
    case "same": return say("sentenceSame");
    default: return layer.function === "relu" ? say("sentenceRelu") : say("sentenceFunction", layer.type);
  }
}

/** The numbers, as tables and formulas. */
function numbers(layer, x, cell, chosen, from, choose) {
  switch (layer.kind) {
    case "conv":
    case "linear": return sumNumbers(layer, x, cell, chosen, from, choose);
    case "maxPool":
    case "averagePool":
    case "globalAverage": return [windowTable(say("window"), cell.values, cell, cell.winner), total(cell.value)];
    case "batchNorm": return [formula(`(${figure(cell.input)} − ${bracket(cell.mean)}) / √(${figure(cell.variance)} + ${cell.epsilon}) × ${bracket(cell.weight)} + ${bracket(cell.bias)}`, cell.value)];
    case "softmax": return [formula(`e^(${figure(cell.scores[chosen.k])} − ${bracket(cell.most)}) / ${figure(cell.sum)}`, cell.value)];
    case "activation": return [formula(layer.function === "relu" ? `max(0, ${figure(cell.input)})` : `${layer.type}(${figure(cell.input)})`, cell.value)];
    default: return [formula(figure(cell.input), cell.value)];
  }
}

const bracket = (v) => (v < 0 ? `(${figure(v)})` : figure(v));
const formula = (text, value) => make("p", { class: "formula" }, text, make("strong", {}, ` = ${figure(value)}`));
const total = (value) => make("p", { class: "formula" }, `${say("value")} `, make("strong", {}, `= ${figure(value)}`));

/** A sum of shares: the window of one input map in full, then what every input map adds. */
function sumNumbers(layer, x, cell, chosen, from, choose) {
  const share = cell.shares[from], window = share.values.length > 1, parts = [];
  if (window) {
    parts.push(make("h4", {}, say("fromMap", from + 1)));
    parts.push(make("div", { class: "grids" },
      windowTable(say("window"), share.values, cell), make("span", { "aria-hidden": "true" }, "×"),
      windowTable(say("weights"), share.weights, cell), make("span", { "aria-hidden": "true" }, "="),
      windowTable(say("products"), share.products, cell)));
  }
  const order = [...cell.shares].sort((a, b) => Math.abs(b.sum) - Math.abs(a.sum)), shown = order.slice(0, 8), rest = order.slice(8);
  const remainder = rest.reduce((all, s) => all + s.sum, 0), scale = strongest([...shown.map((s) => s.sum), remainder, cell.bias]);
  const name = (n) => say(x.h * x.w > 1 || window ? "fromMap" : "fromNumber", n);
  const row = (head, sum, detail) => make("tr", {}, make("th", { scope: "row" }, head),
    window ? null : make("td", {}, detail), make("td", {}, figure(sum)), make("td", { class: "text" }, bar(sum, scale)));
  const pick = (channel) => () => (window ? choose({ from: channel }) : choose({ n: chosen.n - 1, k: channel, i: cell.rows[0], j: cell.columns[0], from: null }));
  const body = shown.map((s) => row(
    window || chosen.n > 0 ? make("button", { type: "button", class: "link", "aria-pressed": window ? String(s.channel === from) : undefined, onclick: pick(s.channel) }, name(s.channel + 1)) : name(s.channel + 1),
    s.sum, window ? "" : `${figure(s.values[0])} × ${bracket(s.weights[0])}`));
  if (rest.length) body.push(row(say("others", rest.length), remainder, ""));
  body.push(row(say("bias"), cell.bias, ""));
  const foot = make("tr", { class: "total" }, make("th", { scope: "row" }, say("sum")), window ? null : make("td", {}), make("td", {}, figure(cell.value)), make("td", {}));
  parts.push(make("div", { class: "scrolls", tabindex: 0, role: "group", "aria-label": say("share") }, make("table", { class: window ? "shares" : "shares narrow" },
    make("thead", {}, make("tr", {}, make("td", {}), window ? null : make("th", { scope: "col" }, `${say("window")} × ${say("weights")}`),
      make("th", { scope: "col" }, say("sum")), make("th", { scope: "col", class: "text" }, say("share")))),
    make("tbody", {}, ...body, foot))));
  return parts;
}

/** A bar from the middle: to the right what adds, to the left what takes away. */
function bar(v, scale) {
  const share = scale > 0 ? (50 * Math.abs(v)) / scale : 0, box = make("span", { class: "bar", "aria-hidden": "true" }), part = make("span", {});
  part.style.width = `${share}%`;
  part.style.marginLeft = `${v >= 0 ? 50 : 50 - share}%`;
  part.style.background = cssColour(v >= 0 ? 1 : -1, 1);
  box.append(part);
  return box;
}

/** The numbers of a window, each on its colour; `winner` is marked. */
function windowTable(caption, values, { rows, columns, inside }, winner) {
  const scale = strongest(values), small = columns.length > 5, table = make("table", { class: small ? "window small" : "window" });
  table.append(make("caption", {}, caption));
  table.style.setProperty("--columns", columns.length);
  rows.forEach((row, di) => {
    const line = make("tr");
    columns.forEach((column, dj) => {
      const n = di * columns.length + dj, v = values[n], out = inside && !inside(row, column);
      const cell = make("td", { class: n === winner ? "winner" : out ? "outside" : undefined, title: out ? say("outside") : undefined }, columns.length > 8 ? "" : short(v));
      if (columns.length > 8) cell.title = figure(v);
      cell.style.background = cssColour(v, scale);
      cell.style.color = inkOn(v, scale);
      line.append(cell);
    });
    table.append(line);
  });
  return make("div", { class: "scrolls plain", tabindex: 0, role: "group", "aria-label": caption }, table);
}

/** A number that fits into a small cell. */
function short(v) {
  const size = Math.abs(v), text = size === 0 ? "0" : size >= 10 ? v.toFixed(0) : v.toFixed(size >= 1 ? 1 : 2);
  return text.replace(/^(-?)0\./, "$1.").replace("-", "−");
}
