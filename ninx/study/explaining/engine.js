"use strict";
/* The forward pass of the network, as this page computes it: plain loops, no library.

   A picture, and every layer's output, is {h, w, c, data}: h x w pixels of c channels, channels last. The channels of
   one pixel are neighbours in memory: data[(i * w + j) * c + channel] is row i, column j. */

const picture = (h, w, c, data = new Float32Array(h * w * c)) => ({ h, w, c, data });

/** All layers: the list of what each of them makes of what the one before has made, beginning with the input. */
function forward(layers, input) {
  const outputs = [input];
  for (const layer of layers) outputs.push(LAYERS[layer.kind](outputs.at(-1), layer));
  return outputs;
}

/** Every row of x times every row of the weights, plus the bias: y[p][o] = bias[o] + sum over k of x[p][k] * weight[o][k].
    Two rows of x meet four of the weights at a time, so that a number that was read is used more than once. */
function product(x, rows, length, weight, bias, outputs, y, start) {
  for (let p = 0; p < rows; p += 2) {
    const q = Math.min(p + 1, rows - 1); // the last row may stand alone; then it is worked out twice
    const xp = p * length, xq = q * length, yp = start + p * outputs, yq = start + q * outputs;
    for (let o = 0; o < outputs; o += 4) {
      const o1 = Math.min(o + 1, outputs - 1), o2 = Math.min(o + 2, outputs - 1), o3 = Math.min(o + 3, outputs - 1);
      const w0 = o * length, w1 = o1 * length, w2 = o2 * length, w3 = o3 * length;
      let p0 = 0, p1 = 0, p2 = 0, p3 = 0, q0 = 0, q1 = 0, q2 = 0, q3 = 0;
      for (let k = 0; k < length; k++) {
        const a = x[xp + k], b = x[xq + k];
        const v0 = weight[w0 + k], v1 = weight[w1 + k], v2 = weight[w2 + k], v3 = weight[w3 + k];
        p0 += a * v0; p1 += a * v1; p2 += a * v2; p3 += a * v3;
        q0 += b * v0; q1 += b * v1; q2 += b * v2; q3 += b * v3;
      }
      y[yp + o] = p0 + bias[o]; y[yp + o1] = p1 + bias[o1]; y[yp + o2] = p2 + bias[o2]; y[yp + o3] = p3 + bias[o3];
      y[yq + o] = q0 + bias[o]; y[yq + o1] = q1 + bias[o1]; y[yq + o2] = q2 + bias[o2]; y[yq + o3] = q3 + bias[o3];
    }
  }
}

/** A convolution. The window of every output pixel is laid out as one row; then it is a matrix product.
    A 1x1 convolution needs no laying out: its window is one pixel, and a pixel's channels are a row already. */
function conv(x, layer) {
  const [h, w, c] = layer.out, { weight, bias, kernel, stride, padding, dilation } = layer;
  const y = picture(h, w, c), length = kernel[0] * kernel[1] * x.c;
  if (length === x.c && stride[0] * stride[1] === 1 && padding[0] + padding[1] === 0) {
    product(x.data, h * w, length, weight, bias, c, y.data, 0);
    return y;
  }
  const windows = new Float32Array(w * length); // of one line of output pixels
  for (let i = 0; i < h; i++) {
    windows.fill(0); // what lies outside the picture is 0
    for (let j = 0; j < w; j++) {
      for (let di = 0; di < kernel[0]; di++) {
        const row = i * stride[0] - padding[0] + di * dilation[0];
        if (row < 0 || row >= x.h) continue;
        for (let dj = 0; dj < kernel[1]; dj++) {
          const column = j * stride[1] - padding[1] + dj * dilation[1];
          if (column < 0 || column >= x.w) continue;
          const from = (row * x.w + column) * x.c, to = j * length + (di * kernel[1] + dj) * x.c;
          for (let channel = 0; channel < x.c; channel++) windows[to + channel] = x.data[from + channel];
        }
      }
    }
    product(windows, w, length, weight, bias, c, y.data, i * w * c);
  }
  return y;
}

/** A fully connected layer: the same product, with all numbers of the picture as one row. */
function linear(x, layer) {
  const y = picture(...layer.out);
  product(x.data, 1, x.data.length, layer.weight, layer.bias, y.c, y.data, 0);
  return y;
}

/** The rows and columns of the input that output pixel (i, j) of a pooling looks at, and by what an average divides. */
function poolWindow(x, layer, i, j) {
  if (layer.adaptive) { // the windows share out the picture among themselves
    const [h, w] = layer.out;
    const rows = range(Math.floor((i * x.h) / h), Math.ceil(((i + 1) * x.h) / h), 1);
    const columns = range(Math.floor((j * x.w) / w), Math.ceil(((j + 1) * x.w) / w), 1);
    return { rows, columns, divisor: rows.length * columns.length };
  }
  const { kernel, stride, padding, dilation = [1, 1] } = layer;
  const top = i * stride[0] - padding[0], left = j * stride[1] - padding[1];
  const rows = range(top, top + kernel[0] * dilation[0], dilation[0]).filter((row) => row >= 0 && row < x.h);
  const columns = range(left, left + kernel[1] * dilation[1], dilation[1]).filter((column) => column >= 0 && column < x.w);
  const height = Math.min(top + kernel[0], x.h + padding[0]) - top, width = Math.min(left + kernel[1], x.w + padding[1]) - left;
  const all = layer.countPadding ? height * width : rows.length * columns.length; // padding counts, what hangs over it does not
  return { rows, columns, divisor: layer.divisor || all };
}

const range = (from, to, step) => Array.from({ length: Math.ceil((to - from) / step) }, (_, n) => from + n * step);

/** Pooling: each channel by itself, `join` takes in one value after the other, beginning with `first`. */
function pool(x, layer, first, join, divides) {
  const [h, w, c] = layer.out, y = picture(h, w, c), found = new Float64Array(c);
  for (let i = 0; i < h; i++) {
    for (let j = 0; j < w; j++) {
      const { rows, columns, divisor } = poolWindow(x, layer, i, j);
      found.fill(first);
      for (const row of rows) {
        for (const column of columns) {
          const from = (row * x.w + column) * c;
          for (let channel = 0; channel < c; channel++) found[channel] = join(found[channel], x.data[from + channel]);
        }
      }
      const to = (i * w + j) * c;
      for (let channel = 0; channel < c; channel++) y.data[to + channel] = divides ? found[channel] / divisor : found[channel];
    }
  }
  return y;
}

const maxPool = (x, layer) => pool(x, layer, -Infinity, (a, b) => (b > a || Number.isNaN(b) ? b : a), false);
const averagePool = (x, layer) => pool(x, layer, 0, (a, b) => a + b, true);

/** Global average pooling: of every map its mean. After the last convolution of a Network in Network: the scores. */
function globalAverage(x) {
  const pixels = x.h * x.w, sums = new Float64Array(x.c);
  for (let p = 0; p < pixels; p++) for (let channel = 0; channel < x.c; channel++) sums[channel] += x.data[p * x.c + channel];
  return picture(1, 1, x.c, Float32Array.from(sums, (sum) => sum / pixels));
}

/** Batch normalisation with the means and variances that were learnt: (x - mean) / sqrt(variance + epsilon) * weight + bias. */
function batchNorm(x, layer) {
  const y = picture(x.h, x.w, x.c), { mean, variance, weight, bias, epsilon } = layer;
  const factor = Float64Array.from(variance, (v, channel) => weight[channel] / Math.sqrt(v + epsilon));
  for (let n = 0; n < x.data.length; n++) {
    const channel = n % x.c;
    y.data[n] = (x.data[n] - mean[channel]) * factor[channel] + bias[channel];
  }
  return y;
}

/** The functions of one number, and of the layer's settings. */
const ACTIVATIONS = {
  relu: (v) => (v > 0 ? v : 0),
  leaky: (v, { slope }) => (v > 0 ? v : slope * v),
  clamp: (v, { least, most }) => Math.min(Math.max(v, least), most),
  elu: (v, { alpha }) => (v > 0 ? v : alpha * Math.expm1(v)),
  sigmoid: (v) => 1 / (1 + Math.exp(-v)),
  tanh: (v) => Math.tanh(v),
  silu: (v) => v / (1 + Math.exp(-v)),
};

function activation(x, layer) {
  const y = picture(x.h, x.w, x.c), f = ACTIVATIONS[layer.function];
  for (let n = 0; n < x.data.length; n++) y.data[n] = f(x.data[n], layer);
  return y;
}

/** All numbers in one line, map after map, as PyTorch orders them. */
function flatten(x) {
  const y = picture(1, 1, x.data.length), pixels = x.h * x.w;
  for (let p = 0; p < pixels; p++) for (let channel = 0; channel < x.c; channel++) y.data[channel * pixels + p] = x.data[p * x.c + channel];
  return y;
}

/** Scores to probabilities: e to the power of each, divided by the sum of all. Less the largest score, so that none is too large. */
function softmax(x) {
  const most = x.data.reduce((a, b) => Math.max(a, b)), powers = Float64Array.from(x.data, (score) => Math.exp(score - most));
  const sum = powers.reduce((a, b) => a + b, 0);
  return picture(1, 1, x.c, Float32Array.from(powers, (power) => power / sum));
}

const LAYERS = {
  conv, linear, maxPool, averagePool, globalAverage, batchNorm, activation, flatten, softmax,
  same: (x) => x, // a dropout: it drops something only while the network is trained
};

