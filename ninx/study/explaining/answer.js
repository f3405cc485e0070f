"use strict";
/* The answer: the classes with their maps, scores and probabilities; and the gallery of pictures. */

const SHOWN_CLASSES = 10;

/** Where the classes have maps: the number of the layer whose output they are, if global average pooling makes the scores of it. */
function classMapLayer(layers) {
  const n = layers.findLastIndex((layer) => layer.kind === "globalAverage");
  return n >= 0 && layers.slice(n + 1).every((layer) => ["flatten", "softmax", "same"].includes(layer.kind)) ? n : null;
}

/** The rows of the classes, the likeliest ones in their own order; `choose` opens the value that makes a score. */
function showClasses(box, net, outputs, choose) {
  const chances = outputs.at(-1).data, scores = outputs.at(-2).data, n = classMapLayer(net.layers);
  const likeliest = Array.from(chances.keys()).sort((a, b) => chances[b] - chances[a]);
  const shown = likeliest.slice(0, SHOWN_CLASSES).sort((a, b) => a - b), maps = n === null ? null : outputs[n];
  const scale = maps ? strongest(maps.data) : 0;
  const head = make("tr", {}, make("th", { scope: "col", class: "text" }, say("className")),
    maps ? make("th", { scope: "col", class: "text" }, say("classMap")) : null,
    make("th", { scope: "col" }, say("score")), make("th", { scope: "col", colspan: 2, class: "text" }, say("probability")));
  const rows = shown.map((k) => {
    const chance = make("span", { class: "chance", "aria-hidden": "true" }, make("span", {}));
    chance.firstChild.style.width = `${100 * chances[k]}%`;
    const row = make("tr", { class: k === likeliest[0] ? "best" : undefined }, make("th", { scope: "row", class: "text" }, net.classes[k]));
    if (maps) {
      const last = { n: n - 1, k, ...strongestCell(maps, k), from: null };
      const canvas = make("canvas", { class: "pixels class-map pick", onclick: () => choose(last, true) });
      drawMap(canvas, maps, k, 44, scale);
      row.append(make("td", { class: "text" }, canvas));
    }
    const target = n === null ? net.layers.length - 2 : n;
    row.append(make("td", {}, make("button", { type: "button", class: "link", onclick: () => choose({ n: target, i: 0, j: 0, k, from: null }, true) }, figure(scores[k]))));
    row.append(make("td", { class: "wide" }, chance), make("td", {}, `${percent(chances[k])} %`));
    return row;
  });
  box.replaceChildren(make("table", {}, make("thead", {}, head), make("tbody", {}, ...rows)));
  return likeliest[0];
}

/** The strips of pictures to choose from; `open` shows one. */
function showGallery(box, net, open) {
  box.replaceChildren();
  const strip = (word, hint, pictures) => {
    if (!pictures.length) return;
    const items = pictures.map((picture) => {
      const canvas = make("canvas", { class: "pixels" });
      drawPixels(canvas, picture.view);
      const truth = picture.label === null ? "" : net.classes[picture.label], said = net.classes[picture.answer];
      const words = picture.label === null ? said : picture.mistake ? `${truth} → ${said}` : truth;
      return make("li", {}, make("button", { type: "button", class: "picture", onclick: () => open(picture) }, canvas, make("span", {}, words)));
    });
    box.append(make("h2", {}, say(word), hint ? make("span", { class: "soft small" }, ` ${say(hint)}`) : ""), make("ul", { class: "strip" }, ...items));
  };
  strip("mistakes", "mistakesHint", net.pictures.filter((p) => p.mistake));
  strip("known", null, net.pictures.filter((p) => !p.mistake && p.label !== null));
  strip("noise", null, net.pictures.filter((p) => p.label === null));
  if (!net.pictures.length) box.append(make("p", { class: "soft" }, say("noPictures")));
}
