// Curves by epoch.
const line = (figure, curves, panel) => {
  const frame = el("div", { tabindex: 0, role: "group", "aria-label": `${panel.title} by epoch. Press the left and right arrow keys to read values.` });
  const readout = el("p", { class: "readout", "aria-live": "polite" });
  const all = panel.series.flatMap((series) => series.values).filter((value) => value !== null);
  const [least, most] = [Math.min(...all), Math.max(...all)];
  const isLog = least > 0 && most / least > 30;
  const scale = isLog ? Math.log10 : (value) => value;
  let chosen = null;
  const say = () => {
    readout.replaceChildren();
    const k = chosen ?? curves.epochs.length - 1;
    readout.append(`epoch ${curves.epochs[k]}: `, panel.series.map((series) => `${series.name} ${format(series.values[k])}`).join(", "));
  };
  let draw = () => {};
  responsive(frame, (width) => {
    const [left, right, top, bottom] = [54, 12, 10, 40];
    const height = 220;
    let [low, high] = [scale(least), scale(most)];
    if (!(high > low)) { low -= .5; high += .5; }
    [low, high] = [low - .04 * (high - low), high + .04 * (high - low)];
    const last = curves.epochs.length - 1;
    const [from, to] = [curves.epochs[0], curves.epochs[last]];
    const x = (epoch) => (to > from ? left + (width - left - right) * (epoch - from) / (to - from) : (left + width - right) / 2);
    const y = (value) => top + (height - top - bottom) * (high - scale(value)) / (high - low);
    draw = () => {
      const chart = svg("svg", { width, height, "aria-hidden": "true" });
      let marks = isLog ? ticks(low, high, 4).map((power) => 10 ** power) : ticks(low, high, 4);
      if (isLog) {
        marks = [];
        for (let p = Math.floor(low); p <= high; p++) for (const k of high - low > 2 ? [1] : [1, 2, 5]) marks.push(k * 10 ** p);
        marks = marks.filter((mark) => scale(mark) >= low && scale(mark) <= high);
      }
      for (const mark of marks) {
        chart.append(svg("line", { x1: left, x2: width - right, y1: y(mark), y2: y(mark), class: "rule" }));
        chart.append(svg("text", { x: left - 8, y: y(mark) + 4, "text-anchor": "end" }, tickText(mark)));
      }
      for (const mark of ticks(from, to, Math.max(2, Math.floor(width / 90))).filter(Number.isInteger)) {
        chart.append(svg("text", { x: x(mark), y: height - 22, "text-anchor": "middle" }, String(mark)));
      }
      chart.append(svg("line", { x1: left, x2: width - right, y1: height - bottom, y2: height - bottom, class: "axis" }));
      chart.append(svg("text", { x: (left + width - right) / 2, y: height - 4, "text-anchor": "middle" }, "epoch"));
      for (const epoch of new Set(curves.diverged)) {
        chart.append(svg("line", { x1: x(clamp(epoch, from, to)), x2: x(clamp(epoch, from, to)), y1: top, y2: height - bottom, class: "event" }));
      }
      if (curves.kept !== to && curves.kept >= from) {
        chart.append(svg("line", { x1: x(curves.kept), x2: x(curves.kept), y1: top, y2: height - bottom, class: "cursor" }));
        chart.append(svg("text", { x: x(curves.kept) - 4, y: top + 10, "text-anchor": "end" }, "kept"));
      }
      panel.series.forEach((series, index) => {
        let path = "";
        let pen = "M";
        series.values.forEach((value, k) => {
          if (value === null || (isLog && value <= 0)) { pen = "M"; return; }
          path += `${pen}${x(curves.epochs[k]).toFixed(1)} ${y(value).toFixed(1)}`;
          pen = "L";
        });
        const style = { d: path, fill: "none", "stroke-width": 2, "stroke-linejoin": "round" };
        if (index > 0) style["stroke-dasharray"] = "6 3";
        const node = svg("path", style);
        node.style.stroke = `var(${index === 0 ? "--accent" : "--second"})`;
        chart.append(node);
        const k = chosen ?? (series.values.length === 1 ? 0 : null);
        if (k !== null && series.values[k] !== null) {
          const dot = svg("circle", { cx: x(curves.epochs[k]), cy: y(series.values[k]), r: 4 });
          dot.style.fill = node.style.stroke;
          chart.append(dot);
        }
      });
      if (chosen !== null) chart.append(svg("line", { x1: x(curves.epochs[chosen]), x2: x(curves.epochs[chosen]), y1: top, y2: height - bottom, class: "cursor" }));
      frame.replaceChildren(chart);
      say();
    };
    draw();
    frame.onpointermove = (event) => {
      const at = event.clientX - frame.getBoundingClientRect().left;
      let best = 0;
      curves.epochs.forEach((epoch, k) => { if (Math.abs(x(epoch) - at) < Math.abs(x(curves.epochs[best]) - at)) best = k; });
      if (best !== chosen) { chosen = best; draw(); }
    };
  });
  frame.onpointerleave = () => { chosen = null; draw(); };
  frame.onkeydown = (event) => {
    const last = curves.epochs.length - 1;
    const now = chosen ?? last;
    const next = { ArrowLeft: now - 1, ArrowRight: now + 1, Home: 0, End: last }[event.key];
    if (next === undefined) return;
    event.preventDefault();
    chosen = clamp(next, 0, last);
    draw();
  };
  const caption = el("figcaption", {}, `${panel.unit}${isLog ? ", logarithmic" : ""}`);
  const keys = el("div");
  if (panel.series.length > 1) panel.series.forEach((series, index) => {
    const swatch = svg("svg", { width: 26, height: 10, "aria-hidden": "true" });
    const stroke = svg("line", { x1: 0, x2: 26, y1: 5, y2: 5, "stroke-width": 2.5, ...(index > 0 ? { "stroke-dasharray": "6 3" } : {}) });
    stroke.style.stroke = `var(${index === 0 ? "--accent" : "--second"})`;
    swatch.append(stroke);
    keys.append(el("span", { class: "key" }, swatch, series.name));
  });
  figure.append(el("h3", {}, panel.title), caption, keys, frame, readout);
};

fill.training = () => {
  const { curves } = data;
  if (curves.epochs.length === 0) { body("training").append(el("p", {}, "There are no epochs.")); return; }
  const charts = el("div", { class: "charts" });
  body("training").append(charts);
  for (const panel of curves.panels) {
    const figure = el("figure");
    charts.append(figure);
    const any = panel.series.some((series) => series.values.some((value) => value !== null));
    if (any) line(figure, curves, panel); else figure.append(el("h3", {}, panel.title), el("p", {}, "No finite value."));
  }
  const notes = [];
  if (curves.diverged.length > 0) notes.push("Dashed lines in colour mark epochs in which a number was not finite.");
  if (curves.epochs.length > 1 && curves.epochs[1] - curves.epochs[0] > 1) notes.push(`Curves show ${curves.epochs.length} epochs, spread evenly.`);
  if (notes.length > 0) body("training").append(el("p", { class: "note" }, notes.join(" ")));
};
