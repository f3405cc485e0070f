"use strict";
/* From the page's data to a network that can be run. No part of this touches the page. */

/** Base64 to bytes, and bytes to numbers. */
const bytesOf = (text) => Uint8Array.from(atob(text), (sign) => sign.charCodeAt(0));
function numbersOf({ type = "float32", data }) {
  const bytes = bytesOf(data);
  return type === "float16" ? Float32Array.from(new Uint16Array(bytes.buffer), half) : new Float32Array(bytes.buffer);
}

/** A float16, given as its 16 bits: sign, five bits of exponent, ten of fraction. */
function half(bits) {
  const sign = bits & 0x8000 ? -1 : 1, exponent = (bits >> 10) & 31, fraction = bits & 1023;
  return exponent === 0 ? sign * fraction * 2 ** -24 : sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

/** The network of the page: its layers with their numbers, and a softmax after them; its pictures. */
function readNetwork(about) {
  const arrays = about.network.arrays.map(numbersOf);
  const layers = about.network.layers.map((layer) => {
    const filled = { ...layer };
    for (const key of ["weight", "bias", "mean", "variance"]) if (key in layer) filled[key] = arrays[layer[key]];
    return filled;
  });
  const last = layers.at(-1);
  layers.push({ name: "softmax", type: "Softmax", kind: "softmax", out: last.out });
  const pictures = about.pictures.map((given) => {
    const [h, w, c] = given.shape, view = { h, w, c, data: bytesOf(given.pixels) };
    const input = given.given ? picture(...given.given.shape, numbersOf(given.given)) : prepared(view, about.prepare);
    return { ...given, view, input };
  });
  return { ...about, layers, pictures };
}

/** What the pixels of the pad become: what the network is given, and what that is as a picture. Null: nothing to be seen. */
function inputOf(pixels, recipe) {
  const view = framed(pixels, recipe);
  return view && { view, input: prepared(view, recipe) };
}
