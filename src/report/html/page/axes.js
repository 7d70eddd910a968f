// Marks of an axis, and of points.
const ticks = (low, high, count) => {
  const rough = (high - low) / count;
  if (!(rough > 0)) return [low];
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((k) => k * power).find((s) => s >= rough) ?? 10 * power;
  const found = [];
  for (let k = Math.ceil(low / step); k * step <= high + step * 1e-9 && found.length < 20; k++) found.push(k * step);
  return found;
};
// Digits that tell numbers between these apart.
const digits = (low, high) => clamp(Math.ceil(Math.log10(Math.max(Math.abs(low), Math.abs(high)) / (high - low))) + 2, 6, 17);
const tickText = (value, digits = 6) => {
  const size = Math.abs(value);
  if (digits <= 6 && size !== 0 && (size < 1e-3 || size >= 1e5)) return value.toExponential(0).replaceAll("-", "−");
  return String(Number(value.toPrecision(digits))).replace("-", "−");
};

// Eight shapes beside eight colours: classes are told apart without colour too.
const shape = (kind, x, y, r) => {
  const polygon = (points) => `M${points.map(([a, b]) => `${(x + a * r).toFixed(1)} ${(y + b * r).toFixed(1)}`).join("L")}Z`;
  const q = .38;
  return [
    () => `M${x - r} ${y}a${r} ${r} 0 1 0 ${2 * r} 0a${r} ${r} 0 1 0 ${-2 * r} 0Z`,
    () => polygon([[-.9, -.9], [.9, -.9], [.9, .9], [-.9, .9]]),
    () => polygon([[0, -1.15], [1.1, .85], [-1.1, .85]]),
    () => polygon([[0, -1.25], [1.25, 0], [0, 1.25], [-1.25, 0]]),
    () => polygon([[0, 1.15], [1.1, -.85], [-1.1, -.85]]),
    () => polygon([[-q, -1.2], [q, -1.2], [q, -q], [1.2, -q], [1.2, q], [q, q], [q, 1.2], [-q, 1.2], [-q, q], [-1.2, q], [-1.2, -q], [-q, -q]]),
    () => polygon([0, 1, 2, 3, 4].map((k) => [1.2 * Math.sin(k * 1.2566), -1.2 * Math.cos(k * 1.2566)])),
    () => polygon([0, 1, 2, 3, 4, 5, 6, 7, 8, 9].map((k) => [(k % 2 ? .55 : 1.35) * Math.sin(k * .6283), -(k % 2 ? .55 : 1.35) * Math.cos(k * .6283)])),
  ][kind]();
};
const look = (index) => ({ colour: COLOURS[index % 8], kind: (index + Math.floor(index / 8) * 3) % 8 });
