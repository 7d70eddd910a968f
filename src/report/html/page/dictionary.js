// How many units fire on which share of the samples; those that never do are a bar of their own at the left.
fill.dictionary = () => {
  const { edges, counts, dead, units } = data.dictionary;
  const frame = el("div", { tabindex: 0, role: "group", "aria-label": "Histogram of how often units are active. Press the left and right arrow keys to read the bars one by one." });
  const readout = el("p", { class: "readout", "aria-live": "polite" });
  // Logarithms as shares.
  const share = (log) => format(10 ** log);
  const bars = counts.map((count, k) => ({ count, from: edges[k], to: edges[k + 1], isDead: false }));
  const width0 = edges[1] - edges[0];
  const apart = Math.max(.08 * -edges[0], 2 * width0);
  if (dead > 0) bars.unshift({ count: dead, from: edges[0] - apart, to: edges[0] - apart + Math.max(width0, .03 * -edges[0]), isDead: true });
  const say = ({ count, from, to, isDead }) => {
    readout.textContent = `${grouped(count)} of ${grouped(units)} units ${isDead ? "are never active" : `are active on ${share(from)} to ${share(to)} of the samples`}`;
  };
  let chosen = null;
  let draw = () => {};
  responsive(frame, (width) => {
    const [left, right, top, bottom, height] = [54, 12, 26, 40, 240];
    const [from, to] = [bars[0].from, 0];
    const most = Math.max(...bars.map((bar) => bar.count));
    const x = (log) => left + (width - left - right) * (log - from) / (to - from);
    const y = (count) => top + (height - top - bottom) * (1 - count / most);
    draw = () => {
      const chart = svg("svg", { width, height, "aria-hidden": "true" });
      for (const value of ticks(0, most, 4).filter(Number.isInteger)) {
        chart.append(svg("line", { x1: left, x2: width - right, y1: y(value), y2: y(value), class: "rule" }));
        chart.append(svg("text", { x: left - 8, y: y(value) + 4, "text-anchor": "end" }, tickText(value)));
      }
      // 1, 2 and 5 times powers of ten, or powers alone, as far as there is room.
      const powers = Array.from({ length: Math.ceil(-edges[0]) + 1 }, (_, k) => -k);
      const all = (of) => powers.flatMap((power) => of.map((k) => power + Math.log10(k))).filter((log) => log >= edges[0] - 1e-9 && log <= 1e-9);
      const marks = [[1, 2, 5], [1]].map(all).find((some) => some.length * 56 <= width - left - right) ?? all([1]).filter((_, k) => k % 2 === 0);
      for (const log of marks) chart.append(svg("text", { x: x(log), y: height - 22, "text-anchor": "middle" }, tickText(Number((10 ** log).toPrecision(1)))));
      bars.forEach((bar, k) => {
        if (bar.count === 0) return;
        const rect = svg("rect", { x: x(bar.from) + .5, width: Math.max(1, x(bar.to) - x(bar.from) - 1), y: y(bar.count), height: Math.max(1, y(0) - y(bar.count)), opacity: k === chosen ? 1 : .82 });
        rect.style.fill = `var(${bar.isDead ? "--second" : "--accent"})`;
        chart.append(rect);
      });
      if (dead > 0) chart.append(svg("text", { x: (x(bars[0].from) + x(bars[0].to)) / 2, y: height - 22, "text-anchor": "middle" }, "never"));
      chart.append(svg("line", { x1: left, x2: width - right, y1: y(0), y2: y(0), class: "axis" }));
      chart.append(svg("text", { x: (left + width - right) / 2, y: height - 4, "text-anchor": "middle" }, "share of the samples"));
      chart.append(svg("text", { x: left - 8, y: 12, "text-anchor": "end" }, "units"));
      frame.replaceChildren(chart);
    };
    draw();
    frame.onpointermove = (event) => {
      const at = event.clientX - frame.getBoundingClientRect().left;
      const next = clamp(bars.findLastIndex((bar) => x(bar.from) <= at), 0, bars.length - 1);
      if (next !== chosen) { chosen = next; say(bars[chosen]); draw(); }
    };
  });
  frame.onpointerleave = () => { chosen = null; draw(); };
  frame.onkeydown = (event) => {
    const next = { ArrowLeft: (chosen ?? 1) - 1, ArrowRight: (chosen ?? -1) + 1, Home: 0, End: bars.length - 1 }[event.key];
    if (next === undefined) return;
    event.preventDefault();
    chosen = clamp(next, 0, bars.length - 1);
    say(bars[chosen]);
    draw();
  };
  body("dictionary").append(frame, readout);
};
