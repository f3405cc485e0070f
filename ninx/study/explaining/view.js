"use strict";
/* The page: what is shown, what is chosen, and who tells whom. */

const element = (id) => document.getElementById(id);

const explained = (() => {
  const net = readNetwork(pageData());
  const SIDE = 40, LINES = 2; // of the small maps: their width in pixels, and how many lines of them a layer shows at first
  let outputs = null, truth = null, waiting = null, untouched = true;
  let chosen = { n: 0, i: 0, j: 0, k: 0, from: null };
  const wide = new Set(), sheets = [], narrow = matchMedia("(max-width: 900px)");

  // ---------------------------------------------------------------- computing

  /** Run the network on an input, and show all of it. */
  function run({ view, input }, label) {
    const start = performance.now();
    outputs = forward(net.layers, input);
    const ms = performance.now() - start;
    truth = label;
    drawPixels(element("given"), view);
    element("time").textContent = say("time", ms.toFixed(0));
    showAll();
    return ms;
  }

  /** From the pad: not more often than the browser can draw, and always the last state. */
  function changed(pixels, opened = false) {
    untouched = opened;
    const first = waiting === null;
    waiting = pixels;
    if (first) setTimeout(() => {
      const last = waiting;
      waiting = null;
      const found = inputOf(last, net.prepare);
      element("pad-note").textContent = found ? (opened && net.prepare.frame === "digit" ? say("photograph") : "") : say("nothing");
      if (found) run(found, null);
    }, 0);
  }

  function open(picture) {
    untouched = true;
    pad.put(picture.view);
    element("pad-note").textContent = net.prepare.whitened ? say("whitened") : "";
    run(picture, picture.label);
  }

  // ---------------------------------------------------------------- showing

  function showAll() {
    const best = showClasses(element("classes"), net, outputs, choose), chance = outputs.at(-1).data[best];
    const verdict = [make("strong", {}, say("answered", net.classes[best], percent(chance)))];
    if (truth !== null) verdict.push(" ", make("span", { class: truth === best ? "right" : "wrong" }, say(truth === best ? "truthRight" : "truth", net.classes[truth])));
    element("verdict").replaceChildren(...verdict);
    element("classes-hint").textContent = [
      net.classes.length > SHOWN_CLASSES ? say("best", SHOWN_CLASSES, net.classes.length) : "",
      say(classMapLayer(net.layers) === null ? "classScores" : "classMaps"),
    ].join(" ");
    sheets.forEach((sheet) => sheet.draw());
    showMagnifier();
  }

  function showMagnifier() {
    const y = outputs[chosen.n + 1];
    chosen.k = Math.min(chosen.k, y.c - 1);
    chosen.i = Math.min(chosen.i, y.h - 1);
    chosen.j = Math.min(chosen.j, y.w - 1);
    showCell(element("magnifier"), net, outputs, chosen, choose);
  }

  /** On a narrow screen the magnifier lies below the layer that it is for. */
  function placeMagnifier() {
    const home = narrow.matches ? sheets[chosen.n].item : element("layers").parentElement;
    if (element("magnifier").parentElement !== home) home.append(element("magnifier"));
  }

  /** Another value under the magnifier; what is not named stays. `jump`: it was chosen elsewhere on the page. */
  function choose(change, jump = false) {
    chosen = { ...chosen, ...change };
    if (chosen.n < 0) chosen.n = 0;
    sheets.forEach((sheet, n) => sheet.name.setAttribute("aria-pressed", String(n === chosen.n)));
    placeMagnifier();
    showMagnifier();
    if (jump) element("magnifier").scrollIntoView({ block: "nearest" });
  }

  /** One layer of the list: its name, its shape, its maps. Returns how to draw it anew. */
  function layerItem(layer, n) {
    const name = make("button", { type: "button", class: "name", "aria-pressed": String(n === chosen.n), onclick: () => {
      const y = outputs[n + 1], k = Math.min(chosen.k, y.c - 1);
      choose({ n, k, ...strongestCell(y, k), from: null });
    } });
    const shape = make("span", { class: "soft small" }), canvas = make("canvas", { class: "sheet", "aria-hidden": "true" });
    const more = make("button", { type: "button", class: "link small", onclick: () => {
      if (!wide.delete(n)) wide.add(n);
      draw();
    } });
    const item = make("li", {}, make("div", { class: "head" }, name, shape), canvas, more);
    let mapAt = () => 0;
    canvas.addEventListener("click", (event) => {
      const box = canvas.getBoundingClientRect(), zoom = canvas.width / box.width;
      const k = mapAt((event.clientX - box.left) * zoom, (event.clientY - box.top) * zoom);
      choose({ n, k, ...strongestCell(outputs[n + 1], k), from: null });
    });
    function draw() {
      const y = outputs[n + 1], across = Math.max(200, item.clientWidth - 4), flat = y.h * y.w === 1, side = flat ? 14 : SIDE;
      const fits = mapsInLines(y, across, side, LINES), shown = wide.has(n) ? y.c : Math.min(y.c, fits);
      name.textContent = layerTitle(layer);
      shape.textContent = flat ? say("numbers", y.c) : `${say("maps", y.c)}, ${y.h}×${y.w}`;
      more.hidden = y.c <= fits;
      more.textContent = wide.has(n) ? say("fewer") : say("all", y.c);
      mapAt = drawSheet(canvas, y, shown, across, side);
    }
    element("layers").append(item);
    return { draw, name, item };
  }

  /** All words, in the language that is chosen. */
  function showWords() {
    document.documentElement.lang = language ? "zh" : "en";
    for (const place of document.querySelectorAll("[data-word]")) place.textContent = say(place.dataset.word);
    const tests = net.weights, run = net.run;
    element("language").textContent = say("language");
    element("language").lang = language ? "en" : "zh";
    element("title").textContent = say("title", net.name);
    document.title = say("title", net.name);
    const figures = { parameters: counted(net.parameters), layers: net.network.layers.length };
    const history = run ? say("trained", { ...run, tested: counted(tests.tested || 0), right: counted(tests.right || 0) }) : say("untrained");
    element("about").textContent = `${say("about", figures)} ${history}`;
    const distance = (100 * tests.distance).toPrecision(2);
    element("weights-note").textContent = say(tests.dtype, { distance, changed: tests.changed, tested: tests.tested });
    element("pad-title").textContent = say(net.prepare.whitened ? "showPicture" : net.prepare.frame === "digit" ? "drawDigit" : "drawPicture");
    element("pad").setAttribute("aria-label", say("padLabel"));
    element("legend").textContent = `${say("less")} … 0 … ${say("more")}; ${say("perLayer")}`;
    showGallery(element("gallery"), net, open);
    if (outputs) showAll();
  }

  // ---------------------------------------------------------------- the beginning

  readColours();
  const colour = net.prepare.image[2] === 3;
  const pad = makePad(element("pad"), {
    pen: element("pen"), colour: colour ? element("colour") : null, file: element("file"), fresh: () => untouched,
    failed: () => { element("pad-note").textContent = say("unreadable"); },
  }, changed);
  element("colour-tool").hidden = !colour;
  element("pad").setAttribute("role", "img");
  if (net.prepare.whitened) {
    element("tools").hidden = element("pad-hint").hidden = true;
    element("pad").inert = true;
  }
  element("clear").addEventListener("click", () => {
    pad.clear();
    untouched = false;
    element("pad-note").textContent = say("nothing");
  });
  element("save").addEventListener("click", () => {
    make("a", { href: element("pad").toDataURL("image/png"), download: "drawing.png" }).click();
  });
  element("language").addEventListener("click", () => {
    language = 1 - language;
    showWords();
  });
  document.addEventListener("themechange", () => {
    readColours();
    showAll();
  });
  let width = innerWidth;
  addEventListener("resize", () => {
    if (innerWidth !== width) sheets.forEach((sheet) => sheet.draw());
    width = innerWidth;
  });
  narrow.addEventListener("change", placeMagnifier);
  element("source").textContent = Array.from(document.scripts).find((script) => script.text.includes("function forward(")).text.trim();
  pad.clear();
  net.layers.forEach((layer, n) => sheets.push(layerItem(layer, n)));
  showWords();
  placeMagnifier();
  if (net.pictures.length) {
    open(net.pictures[0]);
    choose(strongestCell(outputs[1], 0));
  } else {
    element("pad-note").textContent = say("nothing");
  }
  return { net, run, inputOf: (pixels) => inputOf(pixels, net.prepare), pixels: () => pad.pixels(), outputs: () => outputs };
})();
