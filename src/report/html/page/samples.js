// A sample as pictures or as a row of a table.
const bytes = (text) => Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
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
      const at = (k, plane) => pixels[from + plane * w * h + k];
      for (let k = 0; k < w * h; k++) {
        image.data.set(planes === 3 ? [at(k, 0), at(k, 1), at(k, 2), 255] : [...colour(at(k, 0)), 255], 4 * k);
      }
      context.putImageData(image, column * (w + gap), row * (h + gap));
    }
  }
};
const picture = (pixels, index, size, alt, colour, sides) => {
  const canvas = el("canvas", { role: "img", "aria-label": alt });
  paint(canvas, pixels, index, colour, 1, 1, 0, sides);
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
  const [low, high] = data.spans[column];
  const at = (v) => (high > low ? clamp(100 * (v - low) / (high - low), 0, 100) : 50);
  const node = svg("svg", { viewBox: "0 0 104 14", width: "100%", height: 14, "aria-hidden": "true", preserveAspectRatio: "none" });
  node.append(svg("line", { x1: 2, x2: 102, y1: 7, y2: 7, class: "axis" }));
  if (other !== undefined && other !== null) {
    if (value !== null) node.append(svg("rect", { x: Math.min(at(value), at(other)) + 2, width: Math.abs(at(value) - at(other)), y: 6, height: 2, fill: COLOURS[1], opacity: .55 }));
    node.append(svg("rect", { x: at(other) + .75, y: 1, width: 2.5, height: 12, fill: COLOURS[1] }));
  }
  if (value !== null) node.append(svg("rect", { x: at(value) + .75, y: 3, width: 2.5, height: 8, fill: COLOURS[0] }));
  return node;
};
const cell = (value) => (value !== null && value !== 0 && Math.abs(value) < 1 && Math.abs(value) >= 1e-2 ? value.toFixed(3).replace("-", "−") : format(value));
const row = (x, y, names = ["value", "model"]) => {
  const head = el("tr", {}, el("th", { scope: "col" }, "column"), el("th", { scope: "col" }, names[0]));
  if (y) head.append(el("th", { scope: "col" }, names[1]));
  head.append(el("th", { scope: "col", class: "bar" }, el("span", { "aria-hidden": "true" }, "in its range")));
  const lines = data.columns.map((name, k) => {
    const line = el("tr", {}, el("th", { scope: "row" }, name), el("td", {}, cell(x[k])));
    if (y) line.append(el("td", {}, cell(y[k])));
    line.append(el("td", { class: "bar" }, bar(k, x[k], y?.[k])));
    return line;
  });
  return el("div", { class: "scroll" }, el("table", { class: "compare" }, el("thead", {}, head), el("tbody", {}, ...lines)));
};
