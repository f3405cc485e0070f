"use strict";
/* Maps as pictures: the colour of a number, and all maps of a layer on one canvas. */

let colours = null; // of zero, of the most positive and of the most negative number: [r, g, b]

/** The colours of the map, as the style has them for light or dark. */
function readColours() {
  const probe = document.createElement("span");
  document.body.append(probe);
  colours = ["--map-zero", "--map-plus", "--map-minus"].map((name) => {
    probe.style.color = `var(${name})`;
    return getComputedStyle(probe).color.match(/[\d.]+/g).slice(0, 3).map(Number);
  });
  probe.remove();
}

/** How far from zero to the full colour a number is: a gentle curve, so that small numbers can be seen. */
const depth = (v, scale) => (scale > 0 ? Math.min(1, Math.abs(v) / scale) ** 0.7 : 0);

function colourOf(v, scale) {
  const [zero, plus, minus] = colours, full = v >= 0 ? plus : minus, t = depth(v, scale);
  return zero.map((from, n) => Math.round(from + (full[n] - from) * t));
}

const cssColour = (v, scale) => `rgb(${colourOf(v, scale).join(" ")})`;

/** Black or white, whichever is readable on that colour. */
function inkOn(v, scale) {
  const [r, g, b] = colourOf(v, scale).map((part) => (part / 255) ** 2.2);
  return 0.2126 * r + 0.7152 * g + 0.0722 * b > 0.18 ? "#000" : "#fff";
}

const strongest = (data) => data.reduce((most, v) => Math.max(most, Math.abs(v)), 0);

/** Write map k of x, every number as a square of `size` pixels (or every `skip`-th number as one), into the bits of a canvas. */
function paintMap(bits, x, k, left, top, { size, skip }, scale) {
  const h = Math.ceil(x.h / skip), w = Math.ceil(x.w / skip);
  for (let i = 0; i < h; i++) {
    for (let j = 0; j < w; j++) {
      const [r, g, b] = colourOf(x.data[(i * skip * x.w + j * skip) * x.c + k], scale);
      for (let di = 0; di < size; di++) {
        let to = 4 * ((top + i * size + di) * bits.width + left + j * size);
        for (let dj = 0; dj < size; dj++) {
          bits.data[to++] = r; bits.data[to++] = g; bits.data[to++] = b; bits.data[to++] = 255;
        }
      }
    }
  }
}

/** How large a map of h x w is drawn, so that it is about `side` pixels wide. */
function zoomOf({ h, w }, side) {
  const most = Math.max(h, w), skip = Math.ceil(most / (2 * side));
  return { size: Math.max(1, Math.round(side / Math.ceil(most / skip))), skip };
}

/** One map alone on a canvas. */
function drawMap(canvas, x, k, side, scale) {
  const zoom = zoomOf(x, side);
  canvas.width = Math.ceil(x.w / zoom.skip) * zoom.size;
  canvas.height = Math.ceil(x.h / zoom.skip) * zoom.size;
  const context = canvas.getContext("2d"), bits = context.createImageData(canvas.width, canvas.height);
  paintMap(bits, x, k, 0, 0, zoom, scale);
  context.putImageData(bits, 0, 0);
  return zoom;
}

/** The first `shown` maps of x in lines of `across`; returns which map lies at a place of the canvas. */
function drawSheet(canvas, x, shown, across, side) {
  const zoom = zoomOf(x, side), gap = 3;
  const width = Math.ceil(x.w / zoom.skip) * zoom.size, height = Math.ceil(x.h / zoom.skip) * zoom.size;
  const columns = Math.max(1, Math.floor((across + gap) / (width + gap))), lines = Math.ceil(shown / columns);
  canvas.width = Math.min(columns, shown) * (width + gap) - gap;
  canvas.height = lines * (height + gap) - gap;
  const context = canvas.getContext("2d"), bits = context.createImageData(canvas.width, canvas.height), scale = strongest(x.data);
  for (let k = 0; k < shown; k++) paintMap(bits, x, k, (k % columns) * (width + gap), Math.floor(k / columns) * (height + gap), zoom, scale);
  context.putImageData(bits, 0, 0);
  return (left, top) => {
    const k = Math.floor(top / (height + gap)) * columns + Math.min(columns - 1, Math.floor(left / (width + gap)));
    return Math.max(0, Math.min(shown - 1, k));
  };
}

/** How many maps fit into so many lines. */
function mapsInLines(x, across, side, lines) {
  const zoom = zoomOf(x, side), width = Math.ceil(x.w / zoom.skip) * zoom.size + 3;
  return Math.max(1, Math.floor((across + 3) / width)) * lines;
}

/** Pixels of 0 to 255, one or three channels, as they are. */
function drawPixels(canvas, { h, w, c, data }) {
  canvas.width = w;
  canvas.height = h;
  const context = canvas.getContext("2d"), bits = context.createImageData(w, h);
  for (let p = 0; p < h * w; p++) {
    for (let k = 0; k < 3; k++) bits.data[4 * p + k] = data[p * c + (c === 1 ? 0 : k)];
    bits.data[4 * p + 3] = 255;
  }
  context.putImageData(bits, 0, 0);
}
