"use strict";
/* The drawing pad: pixels that are drawn, dropped or opened. It calls `changed(pixels)` with {h, w, c: 3, data}. */

function makePad(canvas, controls, changed) {
  const context = canvas.getContext("2d", { willReadFrequently: true });
  let last = null;

  const pixels = () => {
    const { width: w, height: h } = canvas, bits = context.getImageData(0, 0, w, h).data, data = new Uint8Array(3 * w * h);
    for (let p = 0; p < w * h; p++) for (let k = 0; k < 3; k++) data[3 * p + k] = bits[4 * p + k];
    return { h, w, c: 3, data };
  };
  const clear = () => {
    canvas.width = canvas.height = 280;
    context.fillStyle = "#000";
    context.fillRect(0, 0, canvas.width, canvas.height);
  };

  /** Where the pointer is on the pad. The pen keeps away from the edge: ink that touches it would be cut off, or taken for paper. */
  const placeOf = (event) => {
    const box = canvas.getBoundingClientRect(), margin = Number(controls.pen.value) / 2 + 12;
    return [(event.clientX - box.left) / box.width * canvas.width, (event.clientY - box.top) / box.height * canvas.height]
      .map((v, n) => Math.min((n ? canvas.height : canvas.width) - margin, Math.max(margin, v)));
  };
  const stroke = (from, to) => {
    context.strokeStyle = controls.colour ? controls.colour.value : "#fff";
    context.lineWidth = Number(controls.pen.value);
    context.lineCap = context.lineJoin = "round";
    context.fillStyle = context.strokeStyle;
    context.beginPath();
    if (from === to) { // a line of no length would leave nothing behind
      context.arc(...to, context.lineWidth / 2, 0, 2 * Math.PI);
      context.fill();
    } else {
      context.moveTo(...from);
      context.lineTo(...to);
      context.stroke();
    }
    changed(pixels());
  };
  canvas.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    event.preventDefault();
    canvas.setPointerCapture(event.pointerId);
    if (controls.fresh()) clear(); // a picture that was opened makes way for a drawing
    last = placeOf(event);
    stroke(last, last);
  });
  canvas.addEventListener("pointermove", (event) => {
    if (!last) return;
    for (const part of event.getCoalescedEvents?.().concat(event) ?? [event]) {
      const place = placeOf(part);
      stroke(last, place);
      last = place;
    }
  });
  for (const end of ["pointerup", "pointercancel"]) canvas.addEventListener(end, () => { last = null; });

  const show = (source) => { // larger pictures are read in full, and only shown smaller
    canvas.width = source.width;
    canvas.height = source.height;
    context.fillStyle = "#000";
    context.fillRect(0, 0, canvas.width, canvas.height);
    context.drawImage(source, 0, 0);
  };
  const open = async (file) => {
    try {
      show(await createImageBitmap(file));
    } catch {
      controls.failed();
      return;
    }
    changed(pixels(), true);
  };
  canvas.addEventListener("dragover", (event) => event.preventDefault());
  canvas.addEventListener("drop", (event) => {
    event.preventDefault();
    if (event.dataTransfer.files.length) open(event.dataTransfer.files[0]);
  });
  controls.file.addEventListener("change", () => {
    if (controls.file.files.length) open(controls.file.files[0]);
    controls.file.value = "";
  });

  return {
    clear,
    pixels,
    /** Show the pixels of a test image, as they are. */
    put: (picture) => drawPixels(canvas, picture),
  };
}
