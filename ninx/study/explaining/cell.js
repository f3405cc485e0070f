"use strict";
/* The numbers that make one value: what the layer read, what it multiplied that by, and what it added up.

   Nothing is drawn here; `cellOf` says it in numbers, and the magnifier shows them. */

/** The value of output map k at row i, column j of a layer, from the layer's input x and output y. */
function cellOf(layer, x, y, i, j, k) {
  const value = y.data[(i * y.w + j) * y.c + k];
  return { kind: layer.kind, value, ...(CELLS[layer.kind] || CELLS.activation)(layer, x, y, i, j, k) };
}

const at = (x, row, column, channel) => x.data[(row * x.w + column) * x.c + channel];

const CELLS = {
  /** Every input map has a window, and with its weights a share of the sum. Outside the picture the value is 0. */
  conv(layer, x, y, i, j, k) {
    const { kernel, stride, padding, dilation, weight, bias } = layer, length = kernel[0] * kernel[1];
    const rows = range(0, kernel[0], 1).map((d) => i * stride[0] - padding[0] + d * dilation[0]);
    const columns = range(0, kernel[1], 1).map((d) => j * stride[1] - padding[1] + d * dilation[1]);
    const inside = (row, column) => row >= 0 && row < x.h && column >= 0 && column < x.w;
    const shares = range(0, x.c, 1).map((channel) => {
      const values = [], weights = [];
      rows.forEach((row, di) => columns.forEach((column, dj) => {
        values.push(inside(row, column) ? at(x, row, column, channel) : 0);
        weights.push(weight[(k * length + di * kernel[1] + dj) * x.c + channel]);
      }));
      const products = values.map((v, n) => v * weights[n]);
      return { channel, values, weights, products, sum: products.reduce((a, b) => a + b, 0) };
    });
    return { rows, columns, inside, shares, bias: bias[k] };
  },

  /** Every number of the input has one weight. */
  linear(layer, x, y, i, j, k) {
    const n = x.data.length;
    const shares = range(0, n, 1).map((channel) => {
      const v = x.data[channel], w = layer.weight[k * n + channel];
      return { channel, values: [v], weights: [w], products: [v * w], sum: v * w };
    });
    return { rows: [0], columns: [0], inside: () => true, shares, bias: layer.bias[k] };
  },

  maxPool(layer, x, y, i, j, k) {
    const window = poolWindow(x, layer, i, j), values = valuesOf(x, window, k);
    const most = values.reduce((a, b) => Math.max(a, b));
    return { ...window, values, winner: values.indexOf(most) };
  },

  averagePool(layer, x, y, i, j, k) {
    const window = poolWindow(x, layer, i, j), values = valuesOf(x, window, k);
    return { ...window, values, sum: values.reduce((a, b) => a + b, 0) };
  },

  globalAverage(layer, x, y, i, j, k) {
    const window = { rows: range(0, x.h, 1), columns: range(0, x.w, 1), divisor: x.h * x.w }, values = valuesOf(x, window, k);
    return { ...window, values, sum: values.reduce((a, b) => a + b, 0) };
  },

  batchNorm(layer, x, y, i, j, k) {
    const { mean, variance, weight, bias, epsilon } = layer;
    return { rows: [i], columns: [j], input: at(x, i, j, k), mean: mean[k], variance: variance[k], weight: weight[k], bias: bias[k], epsilon };
  },

  activation(layer, x, y, i, j, k) {
    return { rows: [i], columns: [j], input: at(x, i, j, k) };
  },

  flatten(layer, x, y, i, j, k) {
    const pixels = x.h * x.w, place = k % pixels;
    const row = Math.floor(place / x.w), column = place % x.w, channel = Math.floor(k / pixels);
    return { rows: [row], columns: [column], channel, input: at(x, row, column, channel) };
  },

  softmax(layer, x, y, i, j, k) {
    const most = x.data.reduce((a, b) => Math.max(a, b)), powers = Array.from(x.data, (score) => Math.exp(score - most));
    return { rows: [0], columns: [0], scores: Array.from(x.data), most, powers, sum: powers.reduce((a, b) => a + b, 0) };
  },
};

const valuesOf = (x, { rows, columns }, k) => rows.flatMap((row) => columns.map((column) => at(x, row, column, k)));
