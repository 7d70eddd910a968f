// A sample as pictures or as a row of a table.
const decode = (text) => Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
// The pixels of pictures, and a bit for each that is missing, if some are.
const bytes = (given) => {
  if (typeof given === "string") return decode(given);
  return Object.assign(decode(given.pixels), { missing: decode(given.missing) });
};
const [W, H] = data.picture ?? [0, 0];
// Planes of a picture: one, or red, green and blue.
const PLANES = data.colour ? 3 : 1;
const grey = (value) => [value, value, value];
const mix = (a, b, share) => a.map((from, k) => Math.round(from + (b[k] - from) * share));
const diverging = (value) => {
  const share = clamp((value - 128) / 127, -1, 1);
  return share < 0 ? mix([250, 250, 250], [0, 80, 150], -share) : mix([250, 250, 250], [196, 78, 0], share);
};
// Pictures beside and below each other in one canvas, with a gap of pixels; those of other sides have one plane.
const paint = (canvas, pixels, first, colour = grey, across = 1, down = 1, gap = 0, sides = undefined) => {
  const [[w, h], planes] = sides ? [sides, 1] : [[W, H], PLANES];
  canvas.width = across * (w + gap) - gap;
  canvas.height = down * (h + gap) - gap;
  const context = canvas.getContext("2d");
  for (let row = 0; row < down; row++) {
    for (let column = 0; column < across; column++) {
      const image = context.createImageData(w, h);
      const from = (first + row * across + column) * w * h * planes;
      const place = (k, plane) => from + plane * w * h + k;
      const at = (k, plane) => pixels[place(k, plane)];
      const isMissing = (k) => pixels.missing && [0, 1, 2].slice(0, planes).some((plane) => pixels.missing[place(k, plane) >> 3] >> (place(k, plane) & 7) & 1);
      for (let k = 0; k < w * h; k++) {
        // Through what is missing the hatching behind the picture is seen.
        if (isMissing(k)) canvas.classList.add("gaps");
        else image.data.set(planes === 3 ? [at(k, 0), at(k, 1), at(k, 2), 255] : [...colour(at(k, 0)), 255], 4 * k);
      }
      context.putImageData(image, column * (w + gap), row * (h + gap));
    }
  }
};
const picture = (pixels, index, size, alt, colour, sides) => {
  const canvas = el("canvas", { role: "img", "aria-label": alt });
  paint(canvas, pixels, index, colour, 1, 1, 0, sides);
  if (canvas.classList.contains("gaps")) {
    canvas.setAttribute("aria-label", `${alt}, hatched where pixels are missing`);
    canvas.title = "hatched pixels are missing";
  }
  if (size) sized(canvas, size);
  return canvas;
};
const sized = (canvas, size) => {
  const scale = size / Math.max(W, H);
  canvas.style.width = `${Math.round(W * scale)}px`;
  canvas.style.height = `${Math.round(H * scale)}px`;
};

// A row as a table: value and reconstruction, with both on the column's range.
const bar = (column, value, other) => {
  const isMissing = value === null;
  const [low, high] = data.spans[column];
  const at = (v) => (high > low ? clamp(100 * (v - low) / (high - low), 0, 100) : 50);
  const node = svg("svg", { viewBox: "0 0 104 14", width: "100%", height: 14, "aria-hidden": "true", preserveAspectRatio: "none" });
  node.append(svg("line", { x1: 2, x2: 102, y1: 7, y2: 7, class: isMissing ? "axis missing" : "axis" }));
  if (other !== undefined && other !== null) {
    if (!isMissing) node.append(svg("rect", { x: Math.min(at(value), at(other)) + 2, width: Math.abs(at(value) - at(other)), y: 6, height: 2, fill: COLOURS[1], opacity: .55 }));
    node.append(svg("rect", { x: at(other) + .75, y: 1, width: 2.5, height: 12, fill: COLOURS[1] }));
  }
  if (!isMissing) node.append(svg("rect", { x: at(value) + .75, y: 3, width: 2.5, height: 8, fill: COLOURS[0] }));
  return node;
};
const cell = (value) => (value !== null && value !== 0 && Math.abs(value) < 1 && Math.abs(value) >= 1e-2 ? value.toFixed(3).replace("-", "−") : format(value));
// What a user gave may be missing; what a model makes is not, though it may be beyond all numbers.
const GIVEN = ["value", "model"];
const row = (x, y, names = GIVEN) => {
  const head = el("tr", {}, el("th", { scope: "col" }, "column"), el("th", { scope: "col" }, names[0]));
  if (y) head.append(el("th", { scope: "col" }, names[1]));
  head.append(el("th", { scope: "col", class: "bar" }, el("span", { "aria-hidden": "true" }, "in its range")));
  const lines = data.columns.map((name, k) => {
    const line = el("tr", {}, el("th", { scope: "row" }, name), el("td", {}, x[k] === null && names === GIVEN ? "missing" : cell(x[k])));
    if (y) line.append(el("td", {}, cell(y[k])));
    line.append(el("td", { class: "bar" }, bar(k, x[k], y?.[k])));
    return line;
  });
  return el("div", { class: "scroll" }, el("table", { class: "compare" }, el("thead", {}, head), el("tbody", {}, ...lines)));
};
