"use strict";
/* From pixels to what the network is given: the preparation of its training, step by step, as the engine does it.

   Pixels are {h, w, c, data} with whole numbers from 0 to 255; `recipe` is what the page's data say of the preparation. */

/** The picture in the form of the data set's: a digit cropped and centred as MNIST's are, anything else scaled to its size. */
function framed(pixels, recipe) {
  const [h, w, c] = recipe.image;
  if (recipe.frame === "digit") return centred(grey(pixels), recipe.tallFirst);
  const coloured = c === 1 ? grey(pixels) : pixels;
  return recipe.frame === "own" ? coloured : covering(coloured, h, w, recipe.tallFirst);
}

/** The steps that no picture escapes, in the order of the recipe; of a whitened data set only the prepared pictures are there. */
function prepared(pixels, recipe) {
  let x = pixels;
  if (recipe.resize) x = shorterSide(x, recipe.resize, recipe.tallFirst);
  x = { ...x, data: Float32Array.from(x.data, (v) => v / 255) };
  if (recipe.contrast) x = globalContrast(x, recipe.contrast);
  if (recipe.local) x = localContrast(x, recipe.local);
  if (recipe.crop) x = centreCrop(x, recipe.crop);
  if (recipe.mean) x = normalised(x, recipe.mean, recipe.std);
  return x;
}

/** Red, green and blue as one grey, by the weights of television (ITU-R 601) in whole numbers. */
function grey({ h, w, c, data }) {
  if (c === 1) return { h, w, c, data };
  const out = new Uint8Array(h * w);
  for (let p = 0; p < h * w; p++) out[p] = (data[p * c] * 19595 + data[p * c + 1] * 38470 + data[p * c + 2] * 7471 + 32768) >> 16;
  return { h, w, c: 1, data: out };
}

const FILTERS = {
  linear: { support: 1, weight: (x) => Math.max(0, 1 - Math.abs(x)) },
  lanczos: { support: 3, weight: (x) => (Math.abs(x) < 3 ? sinc(x) * sinc(x / 3) : 0) },
};
const sinc = (x) => (x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x));

/** The part `box` (left, top, right, bottom) of 8-bit pixels, scaled to h x w: along the lines and down the columns.
    The box is rounded to float32, the weights are whole numbers of 1 / 2^22, and each pass rounds to 8 bits: so does Pillow,
    which the engine reads pictures with. From version 13 on (`tallFirst`) it begins with the columns of what is tall. */
function resized(x, h, w, filter, tallFirst, box = [0, 0, x.w, x.h]) {
  const across = (y) => (box[0] !== 0 || box[2] !== x.w || w !== x.w ? alongLines(y, w, box[0], box[2], filter) : y);
  const down = (y) => (box[1] !== 0 || box[3] !== x.h || h !== x.h ? turned(alongLines(turned(y), h, box[1], box[3], filter)) : y);
  return tallFirst && x.h > h && x.h - h > 2 * (x.w - w) ? across(down(x)) : down(across(x));
}

function turned({ h, w, c, data }) {
  const out = new Uint8Array(data.length);
  for (let i = 0; i < h; i++) for (let j = 0; j < w; j++) for (let k = 0; k < c; k++) out[(j * h + i) * c + k] = data[(i * w + j) * c + k];
  return { h: w, w: h, c, data: out };
}

function alongLines(x, w, from, to, { support, weight }) {
  const scale = Math.fround(Math.fround(to) - Math.fround(from)) / w, stretch = Math.max(scale, 1), reach = support * stretch, narrow = 1 / stretch, one = 2 ** 22;
  const out = new Uint8Array(x.h * w * x.c);
  for (let j = 0; j < w; j++) {
    const centre = Math.fround(from) + (j + 0.5) * scale;
    const first = Math.max(0, Math.trunc(centre - reach + 0.5)), last = Math.min(x.w, Math.trunc(centre + reach + 0.5));
    const plain = range(first, last, 1).map((n) => weight((n - centre + 0.5) * narrow));
    const sum = plain.reduce((a, b) => a + b, 0);
    const whole = plain.map((v) => Math.trunc((v / sum) * one + (v / sum < 0 ? -0.5 : 0.5)));
    for (let i = 0; i < x.h; i++) {
      for (let k = 0; k < x.c; k++) {
        let total = one / 2;
        for (let n = 0; n < whole.length; n++) total += whole[n] * x.data[(i * x.w + first + n) * x.c + k];
        out[(i * w + j) * x.c + k] = Math.min(255, Math.max(0, Math.floor(total / one)));
      }
    }
  }
  return { h: x.h, w, c: x.c, data: out };
}

/** Scaled until it just covers h x w, and the middle taken. */
function covering(x, h, w, tallFirst) {
  const wider = x.w / x.h >= w / h, width = wider ? (w / h) * x.h : x.w, height = wider ? x.h : x.w / (w / h);
  const left = (x.w - width) * 0.5, top = (x.h - height) * 0.5;
  return resized(x, h, w, FILTERS.linear, tallFirst, [left, top, left + width, top + height]);
}

function shorterSide(x, side, tallFirst) {
  const short = Math.min(x.h, x.w);
  return resized(x, Math.floor((side * x.h) / short), Math.floor((side * x.w) / short), FILTERS.linear, tallFirst);
}

/** A light digit on dark, cropped, scaled to 20 pixels, and put into 28 x 28 with its centre of mass in the middle.
    Null where nothing stands out. Math.fround rounds to float32, in which the engine works here. */
function centred(x, tallFirst) {
  const size = 28, box = 20;
  const low = x.data.reduce((a, b) => Math.min(a, b)), high = x.data.reduce((a, b) => Math.max(a, b));
  if (high - low < 16) return null;
  const ink = (i, j) => Math.fround((x.data[i * x.w + j] - low) / (high - low));
  let top = x.h, bottom = 0, left = x.w, right = 0;
  for (let i = 0; i < x.h; i++) {
    for (let j = 0; j < x.w; j++) {
      if (ink(i, j) <= 0.25) continue;
      top = Math.min(top, i); bottom = Math.max(bottom, i + 1); left = Math.min(left, j); right = Math.max(right, j + 1);
    }
  }
  const cut = { h: bottom - top, w: right - left, c: 1, data: new Uint8Array((bottom - top) * (right - left)) };
  for (let i = 0; i < cut.h; i++) for (let j = 0; j < cut.w; j++) cut.data[i * cut.w + j] = Math.fround(ink(top + i, left + j) * 255);
  const scale = box / Math.max(cut.h, cut.w);
  const small = resized(cut, Math.max(1, halfEven(cut.h * scale)), Math.max(1, halfEven(cut.w * scale)), FILTERS.lanczos, tallFirst);
  let digit = Float32Array.from(small.data);
  const most = digit.reduce((a, b) => Math.max(a, b));
  if (most > 0 && most < 128) digit = digit.map((v) => Math.fround(v * Math.fround(255 / most)));
  const sum = digit.reduce((a, b) => a + b, 0);
  const place = (length, index) => {
    const mass = digit.reduce((all, v, n) => all + v * index(n), 0) / sum;
    return Math.min(size - length, Math.max(0, halfEven(size / 2 - mass)));
  };
  const row = place(small.h, (n) => Math.floor(n / small.w)), column = place(small.w, (n) => n % small.w);
  const out = { h: size, w: size, c: 1, data: new Uint8Array(size * size) };
  digit.forEach((v, n) => { out.data[(row + Math.floor(n / small.w)) * size + column + (n % small.w)] = v; });
  return out;
}

/** To the nearest whole number, and from the middle between two to the even one, as Python rounds. */
function halfEven(v) {
  const down = Math.floor(v), rest = v - down;
  if (rest !== 0.5) return Math.round(v);
  return down % 2 === 0 ? down : down + 1;
}

function globalContrast(x, { scale, bias, epsilon }) {
  const mean = x.data.reduce((a, b) => a + b, 0) / x.data.length;
  const rest = Float32Array.from(x.data, (v) => v - mean);
  const length = Math.sqrt(bias + rest.reduce((a, b) => a + b * b, 0)) / scale;
  return { ...x, data: rest.map((v) => v / (length >= epsilon ? length : 1)) };
}

/** Each channel without the mean of its neighbours, divided by their deviation, both with the weights of a Gaussian. */
function localContrast(x, { weights, threshold }) {
  const rest = blurred(x, weights, Float64Array.from(x.data)).map((mean, n) => x.data[n] - mean);
  const deviation = blurred(x, weights, rest.map((v) => v * v)).map(Math.sqrt);
  const means = range(0, x.c, 1).map((k) => deviation.reduce((all, v, n) => all + (n % x.c === k ? v : 0), 0) / (x.h * x.w));
  return { ...x, data: Float32Array.from(rest, (v, n) => v / Math.max(deviation[n], means[n % x.c], threshold)) };
}

function blurred({ h, w, c }, weights, data) {
  const half = (weights.length - 1) / 2;
  for (const [size, step] of [[h, w * c], [w, c]]) {
    data = data.map((_, n) => {
      const at = Math.floor(n / step) % size; // the row, or the column
      let sum = 0;
      weights.forEach((weight, k) => { if (at + k - half >= 0 && at + k - half < size) sum += weight * data[n + (k - half) * step]; });
      return sum;
    });
  }
  return data;
}

function centreCrop(x, side) {
  const top = halfEven((x.h - side) / 2), left = halfEven((x.w - side) / 2), data = new Float32Array(side * side * x.c);
  for (let i = 0; i < side; i++) {
    const from = ((top + i) * x.w + left) * x.c;
    data.set(x.data.subarray(from, from + side * x.c), i * side * x.c);
  }
  return { h: side, w: side, c: x.c, data };
}

function normalised(x, mean, std) {
  const of = (list, n) => Math.fround(list[list.length === 1 ? 0 : n % x.c]);
  return { ...x, data: x.data.map((v, n) => Math.fround(v - of(mean, n)) / of(std, n)) };
}
