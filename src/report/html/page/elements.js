// The data, elements, numbers as text, and drawings that follow the width.
const root = document.documentElement;
const data = JSON.parse(document.getElementById("data").textContent);
const COLOURS = ["#0072b2", "#d55e00", "#009e73", "#e69f00", "#cc79a7", "#56b4e9", "#f0e442", "#8a8f98"];
const SVG = "http://www.w3.org/2000/svg";

// Elements. Text is only ever set as text.
const el = (name, attributes = {}, ...children) => {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  node.append(...children);
  return node;
};
const svg = (name, attributes = {}, text) => {
  const node = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  if (text !== undefined) node.textContent = text;
  return node;
};
const body = (id) => document.getElementById(`${id}-body`);
const lead = (id, text) => { document.querySelector(`#${id} .lead`).textContent = text; };
const clamp = (value, low, high) => Math.min(Math.max(value, low), high);
const format = (value) => {
  if (value === null || value === undefined) return "–";
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-3 || size >= 1e5)) return value.toExponential(2).replaceAll("-", "−");
  const text = size >= 100 ? value.toFixed(0) : size >= 1 ? value.toFixed(2) : value.toFixed(4);
  return (size === 0 ? "0" : text).replace("-", "−");
};
const grouped = (value) => value.toLocaleString("en");

// What fills each section, in the order of the files.
const fill = {};

// Draws when all is in its place, and again whenever the width changes.
const waiting = [];
const responsive = (node, draw) => {
  let width = 0;
  const look = () => {
    const now = Math.floor(node.clientWidth);
    if (now > 0 && now !== width) { width = now; draw(now); }
  };
  waiting.push(() => { look(); new ResizeObserver(look).observe(node); });
};
