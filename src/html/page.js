"use strict";
(() => {
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

  // Pictures.
  const bytes = (text) => Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  const [W, H] = data.picture ?? [0, 0];
  const grey = (value) => [value, value, value];
  const mix = (a, b, share) => a.map((from, k) => Math.round(from + (b[k] - from) * share));
  const diverging = (value) => {
    const share = clamp((value - 128) / 127, -1, 1);
    return share < 0 ? mix([250, 250, 250], [0, 80, 150], -share) : mix([250, 250, 250], [196, 78, 0], share);
  };
  // Pictures beside and below each other in one canvas, with a gap of pixels.
  const paint = (canvas, pixels, first, colour = grey, across = 1, down = 1, gap = 0) => {
    canvas.width = across * (W + gap) - gap;
    canvas.height = down * (H + gap) - gap;
    const context = canvas.getContext("2d");
    for (let row = 0; row < down; row++) {
      for (let column = 0; column < across; column++) {
        const image = context.createImageData(W, H);
        const from = (first + row * across + column) * W * H;
        for (let k = 0; k < W * H; k++) image.data.set([...colour(pixels[from + k]), 255], 4 * k);
        context.putImageData(image, column * (W + gap), row * (H + gap));
      }
    }
  };
  const picture = (pixels, index, size, alt, colour) => {
    const canvas = el("canvas", { role: "img", "aria-label": alt });
    paint(canvas, pixels, index, colour);
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
      node.append(svg("rect", { x: Math.min(at(value), at(other)) + 2, width: Math.abs(at(value) - at(other)), y: 6, height: 2, fill: COLOURS[1], opacity: .55 }));
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
  const sample = (source, index) => {
    if (!data.picture) return row(source.x[index], source.y[index]);
    const node = el("div", { class: "pair" });
    const name = `sample ${grouped(source.samples[index])}`;
    node.append(picture(source.x, index, 96, `${name}, original`), picture(source.y, index, 96, `${name}, reconstruction`));
    return node;
  };

  // Axes.
  const ticks = (low, high, count) => {
    const rough = (high - low) / count;
    if (!(rough > 0)) return [low];
    const power = 10 ** Math.floor(Math.log10(rough));
    const step = [1, 2, 5, 10].map((k) => k * power).find((s) => s >= rough) ?? 10 * power;
    const found = [];
    for (let k = Math.ceil(low / step); k * step <= high + step * 1e-9 && found.length < 20; k++) found.push(k * step);
    return found;
  };
  const tickText = (value) => {
    const size = Math.abs(value);
    if (size !== 0 && (size < 1e-3 || size >= 1e5)) return value.toExponential(0).replaceAll("-", "−");
    return String(Number(value.toPrecision(6))).replace("-", "−");
  };

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

  const training = () => {
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

  const decoded = (source, keys) => {
    if (data.picture) for (const key of keys) source[key] = bytes(source[key]);
    return source;
  };

  const reconstructions = () => {
    if (data.picture) lead("reconstructions", "Samples with the lowest, the middle and the highest loss: the original on the left, what the model makes of it on the right.");
    const groups = el("div", { class: data.picture ? "groups" : "rows" });
    body("reconstructions").append(groups);
    for (const group of data.reconstructions) {
      decoded(group, ["x", "y"]);
      const list = el("ul", { class: "pairs" });
      const size = clamp(Math.floor(64 / Math.max(W, H)) * Math.max(W, H), 56, 72);
      group.samples.forEach((index, k) => {
        if (!data.picture && k > 0) return;
        const item = el("li");
        const label = group.labels[k] === null ? "" : ` · ${group.labels[k]}`;
        if (data.picture) {
          const pair = el("div", { class: "pair" });
          for (const [key, what] of [["x", "original"], ["y", "reconstruction"]]) {
            pair.append(picture(group[key], k, size, `sample ${index}${label}, ${what}`));
          }
          item.append(pair);
        }
        item.append(`sample ${grouped(index)}${label}`, el("br"), `loss ${format(group.scores[k])}`);
        if (!data.picture) item.append(row(group.x[k], group.y[k]));
        list.append(item);
      });
      groups.append(el("div", { class: "group" }, el("h3", {}, group.title), list));
    }
    const note = data.picture
      ? `Black is ${format(data.span[0])}, white is ${format(data.span[1])}.`
      : "In the last column, blue is the value and orange what the model makes of it, between the least and the greatest value of the column.";
    body("reconstructions").append(el("p", { class: "note" }, note));
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

  const map = () => {
    const source = decoded(data.map, ["x", "y"]);
    const count = source.samples.length;
    const where = (k) => source.px[k] !== null && source.py[k] !== null;
    const frame = el("div", { tabindex: 0, role: "group", "aria-label": `Map of ${count} codes: ${source.axes[0]} against ${source.axes[1]}. Press the arrow keys to go from point to point.` });
    const detail = el("div", { class: "detail", "aria-live": "polite" }, el("p", {}, "No point is chosen yet."));
    const legend = el("div", { class: "legend" });
    let chosen = null;
    let only = null;
    let draw = () => {};
    let place = [];
    const choose = (k) => {
      chosen = k;
      const name = `sample ${grouped(source.samples[k])}`;
      detail.replaceChildren(el("h3", {}, name));
      if (source.classes.length > 0) detail.append(el("p", {}, `label ${source.classes[source.class[k]]}`));
      if (data.picture) detail.append(sample(source, k));
      detail.append(el("p", {}, `loss ${format(source.scores[k])}`), el("p", {}, `at ${format(source.px[k])}, ${format(source.py[k])}`));
      if (!data.picture) detail.append(sample(source, k));
      mark();
    };
    let mark = () => {};
    responsive(frame, (width) => {
      const [left, right, top, bottom] = [52, 10, 10, 46];
      const height = Math.round(clamp(width * .72, 300, 560));
      const span = (values) => {
        const finite = values.filter((value) => value !== null);
        let [low, high] = [Math.min(...finite), Math.max(...finite)];
        if (!(high > low)) { low -= 1; high += 1; }
        return [low - .04 * (high - low), high + .04 * (high - low)];
      };
      const [[x0, x1], [y0, y1]] = [span(source.px), span(source.py)];
      const x = (value) => left + (width - left - right) * (value - x0) / (x1 - x0);
      const y = (value) => top + (height - top - bottom) * (y1 - value) / (y1 - y0);
      place = source.px.map((_, k) => (where(k) ? [x(source.px[k]), y(source.py[k])] : [NaN, NaN]));
      draw = () => {
        const chart = svg("svg", { width, height, "aria-hidden": "true" });
        for (const value of ticks(x0, x1, Math.max(4, Math.floor(width / 110)))) {
          chart.append(svg("line", { x1: x(value), x2: x(value), y1: top, y2: height - bottom, class: "rule" }));
          chart.append(svg("text", { x: x(value), y: height - bottom + 17, "text-anchor": "middle" }, tickText(value)));
        }
        for (const value of ticks(y0, y1, 5)) {
          chart.append(svg("line", { x1: left, x2: width - right, y1: y(value), y2: y(value), class: "rule" }));
          chart.append(svg("text", { x: left - 8, y: y(value) + 4, "text-anchor": "end" }, tickText(value)));
        }
        chart.append(svg("text", { x: (left + width - right) / 2, y: height - 8, "text-anchor": "middle" }, source.axes[0]));
        const middle = (top + height - bottom) / 2;
        chart.append(svg("text", { x: 12, y: middle, "text-anchor": "middle", transform: `rotate(-90 12 ${middle})` }, source.axes[1]));
        const r = count > 800 ? 3.2 : count > 200 ? 4 : 5;
        for (let k = 0; k < count; k++) {
          if (!where(k)) continue;
          const { colour, kind } = look(source.classes.length > 0 ? source.class[k] : 0);
          const faint = only !== null && source.class[k] !== only;
          chart.append(svg("path", { d: shape(kind, ...place[k], r), fill: colour, opacity: faint ? .1 : .85, class: "point" }));
        }
        const halo = svg("circle", { r: r + 5, class: "halo", visibility: "hidden" });
        chart.append(halo);
        mark = () => {
          if (chosen === null || !where(chosen)) return;
          halo.setAttribute("cx", place[chosen][0]);
          halo.setAttribute("cy", place[chosen][1]);
          halo.setAttribute("visibility", "visible");
        };
        frame.replaceChildren(chart);
        mark();
        root.dataset.points = chart.querySelectorAll(".point").length;
      };
      draw();
      if (chosen === null && where(0)) choose(0);
    });
    const nearest = (to, allowed) => {
      let [best, least] = [null, Infinity];
      place.forEach((at, k) => {
        if (only !== null && source.class[k] !== only) return;
        const distance = allowed(at, k);
        if (distance < least) [best, least] = [k, distance];
      });
      return best;
    };
    frame.onpointermove = frame.onpointerdown = (event) => {
      const box = frame.getBoundingClientRect();
      const [x, y] = [event.clientX - box.left, event.clientY - box.top];
      const k = nearest(null, (at) => Math.hypot(at[0] - x, at[1] - y));
      if (k !== null && k !== chosen && Math.hypot(place[k][0] - x, place[k][1] - y) < 24) choose(k);
    };
    frame.onkeydown = (event) => {
      const step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
      if (!step && event.key !== "Home") return;
      event.preventDefault();
      if (chosen === null || !step) {
        const k = nearest(null, (at) => at[0] + at[1]);
        if (k !== null) choose(k);
        return;
      }
      const from = place[chosen];
      const k = nearest(null, (at, k) => {
        const [dx, dy] = [at[0] - from[0], at[1] - from[1]];
        const along = dx * step[0] + dy * step[1];
        const across = Math.abs(dx * step[1]) + Math.abs(dy * step[0]);
        return k !== chosen && along > 0 && across <= 2 * along ? along + 2 * across : Infinity;
      });
      if (k !== null) choose(k);
    };
    source.classes.forEach((name, index) => {
      const { colour, kind } = look(index);
      const swatch = svg("svg", { width: 16, height: 16, "aria-hidden": "true" });
      swatch.append(svg("path", { d: shape(kind, 8, 8, 5.5), fill: colour }));
      const button = el("button", { type: "button", "aria-pressed": "false" }, swatch, name);
      button.onclick = () => {
        only = only === index ? null : index;
        legend.querySelectorAll("button").forEach((other, k) => other.setAttribute("aria-pressed", String(k === only)));
        draw();
      };
      legend.append(button);
    });
    if (data.units.units.length > 2) lead("map", `${document.querySelector("#map .lead").textContent} The axes are the first two principal components of the code.`);
    if (source.classes.length > 0) lead("map", `${document.querySelector("#map .lead").textContent} A label shows its points alone.`);
    body("map").append(...(source.classes.length > 0 ? [legend] : []), el("div", { class: "split" }, frame, detail));
    body("map").append(el("p", { class: "note" }, `${grouped(count)} points.`));
  };

  const traversal = () => {
    const source = decoded(data.traversal, ["y"]);
    const { units, steps, places } = source;
    const which = units.length < source.of ? ` These ${units.length} of ${grouped(source.of)} units change the result most.` : "";
    lead("traversal", source.grid
      ? `What the decoder makes of codes in between: unit ${units[0]} grows to the right, unit ${units[1]} upwards, each from its 2nd to its 98th percentile. Move both.`
      : `What the decoder makes of a code when one unit moves from its 2nd to its 98th percentile and the others rest as in sample ${grouped(source.sample)}, whose loss is the median.${which}`);
    const name = data.picture ? "picture" : "row";
    const stage = el("figure", data.picture ? {} : { class: "wide" });
    const said = el("figcaption", { "aria-live": "polite" });
    const inputs = [];
    const grid = el("canvas", { class: "sheet", role: "img", "aria-label": `${places} by ${places} decoded codes` });
    const show = (index, text) => {
      said.textContent = text;
      const node = data.picture ? picture(source.y, index, 160, `the decoded ${name}`) : row(source.y[index], index === 0 ? undefined : source.y[0], ["decoded", "at rest"]);
      stage.replaceChildren(node, said);
    };
    const outline = (column, line) => {
      paint(grid, source.y, 1, grey, places, places, 1);
      const context = grid.getContext("2d");
      context.strokeStyle = "#e69f00";
      context.lineWidth = 1;
      context.strokeRect(column * (W + 1) - .5, line * (H + 1) - .5, W + 1, H + 1);
    };
    const update = (moved) => {
      if (source.grid) {
        const [a, b] = inputs.map((input) => Number(input.value));
        show(1 + (places - 1 - b) * places + a, `unit ${units[0]} at ${format(steps[0][a])}, unit ${units[1]} at ${format(steps[1][b])}`);
        if (data.picture) outline(a, places - 1 - b);
      } else {
        const at = Number(inputs[moved].value);
        show(1 + moved * places + at, `unit ${units[moved]} at ${format(steps[moved][at])}`);
        inputs.forEach((input, k) => { if (k !== moved) rest(k); });
      }
    };
    const outputs = [];
    const rest = (k) => {
      const distance = (value) => Math.abs(value - source.base[k]);
      const nearest = steps[k].reduce((best, value, at) => (distance(value) < distance(steps[k][best]) ? at : best), 0);
      inputs[k].value = nearest;
      outputs[k].textContent = source.grid ? format(steps[k][nearest]) : `rests at ${format(source.base[k])}`;
      inputs[k].setAttribute("aria-valuetext", outputs[k].textContent);
    };
    const strips = el("div", { class: "strips" });
    units.forEach((unit, k) => {
      const input = el("input", { type: "range", min: 0, max: places - 1, step: 1, id: `unit-${k}` });
      const output = el("output", { for: `unit-${k}` });
      inputs.push(input);
      outputs.push(output);
      input.oninput = () => {
        output.textContent = format(steps[k][Number(input.value)]);
        input.setAttribute("aria-valuetext", output.textContent);
        update(k);
      };
      const strip = el("div", { class: "strip" }, el("label", { for: `unit-${k}` }, el("span", {}, `unit ${unit}`), output), input);
      if (data.picture && !source.grid) {
        const canvas = el("canvas", { role: "img", "aria-label": `unit ${unit} in ${places} steps` });
        paint(canvas, source.y, 1 + k * places, grey, places, 1, 1);
        strip.append(canvas);
      }
      strips.append(strip);
      rest(k);
    });
    const stageRow = el("div", { class: "stage" }, stage);
    if (source.grid && data.picture) {
      grid.style.width = "min(100%, 420px)";
      stageRow.append(grid);
    }
    body("traversal").append(stageRow, strips);
    if (source.grid) update(0); else show(0, `the code of sample ${grouped(source.sample)}, decoded`);
  };

  const STATES = ["alive", "dead", "saturated"];
  const activity = () => {
    const { units } = data;
    const order = units.units.map((_, k) => k).sort((a, b) => units.mean[b] - units.mean[a]);
    lead("activity", "Each unit of the code, from the highest mean to the lowest: its mean, and the range from its least to its greatest value over all samples.");
    const frame = el("div", { tabindex: 0, role: "group", "aria-label": "Activity of the units. Press the left and right arrow keys to read them one by one." });
    const readout = el("p", { class: "readout", "aria-live": "polite" });
    const say = (k) => {
      const parts = [`mean ${format(units.mean[k])}`, `from ${format(units.min[k])} to ${format(units.max[k])}`, `active on ${(100 * units.active[k]).toFixed(0)} % of samples`];
      if (units.kl) parts.push(`${format(units.kl[k])} nats`);
      readout.textContent = `unit ${units.units[k]}: ${parts.join(", ")}${units.state[k] ? `, ${STATES[units.state[k]]}` : ""}`;
    };
    const colour = (state) => ["var(--accent)", "#8a8f98", "var(--second)"][state];
    const tinted = (node, property, state) => { node.style[property] = colour(state); return node; };
    const kind = (state) => [0, 5, 2][state];
    let chosen = null;
    const chart = (node, title, low, high, put) => responsive(node, (width) => {
      const [left, right, top, bottom, height] = [54, 10, 10, 24, 210];
      let [from, to] = [Math.min(...low), Math.max(...high)];
      if (!(to > from)) { from -= .5; to += .5; }
      [from, to] = [from === 0 ? 0 : from - .03 * (to - from), to + .06 * (to - from)];
      const x = (position) => left + (width - left - right) * (position + .5) / order.length;
      const y = (value) => top + (height - top - bottom) * (to - value) / (to - from);
      const drawing = svg("svg", { width, height, "aria-hidden": "true" });
      for (const value of ticks(from, to, 4)) {
        drawing.append(svg("line", { x1: left, x2: width - right, y1: y(value), y2: y(value), class: "rule" }));
        drawing.append(svg("text", { x: left - 8, y: y(value) + 4, "text-anchor": "end" }, tickText(value)));
      }
      drawing.append(svg("text", { x: (left + width - right) / 2, y: height - 4, "text-anchor": "middle" }, title));
      order.forEach((k, position) => put(drawing, k, x(position), y, (width - left - right) / order.length));
      const cursor = svg("line", { y1: top, y2: height - bottom, class: "cursor", visibility: "hidden" });
      drawing.append(cursor);
      const choose = (position) => {
        chosen = clamp(position, 0, order.length - 1);
        for (const [key, value] of [["x1", x(chosen)], ["x2", x(chosen)], ["visibility", "visible"]]) cursor.setAttribute(key, value);
        say(order[chosen]);
      };
      node.onpointermove = (event) => choose(Math.floor((event.clientX - node.getBoundingClientRect().left - left) / (width - left - right) * order.length));
      node.onkeydown = (event) => {
        const next = { ArrowLeft: (chosen ?? 1) - 1, ArrowRight: (chosen ?? -1) + 1, Home: 0, End: order.length - 1 }[event.key];
        if (next === undefined) return;
        event.preventDefault();
        choose(next);
      };
      node.replaceChildren(drawing);
    });
    body("activity").append(frame, readout);
    chart(frame, "units, sorted by mean", units.min, units.max, (drawing, k, x, y, room) => {
      const state = units.state[k];
      const bar = svg("line", { x1: x, x2: x, y1: y(units.min[k]), y2: y(units.max[k]), "stroke-width": clamp(room * .5, 1, 8), opacity: .4 });
      const mean = svg("path", { d: shape(kind(state), x, y(units.mean[k]), clamp(room * .4, 2, 5)) });
      drawing.append(tinted(bar, "stroke", state), tinted(mean, "fill", state));
    });
    const keys = el("div");
    STATES.forEach((name, state) => {
      const count = units.state.filter((other) => other === state).length;
      const swatch = svg("svg", { width: 14, height: 14, "aria-hidden": "true" });
      swatch.append(tinted(svg("path", { d: shape(kind(state), 7, 7, 5) }), "fill", state));
      keys.append(el("span", { class: "key" }, swatch, `${count} ${name}`));
    });
    body("activity").append(keys);
    if (units.kl) {
      const nats = el("div", { tabindex: 0, role: "group", "aria-label": "Nats that each unit tells. Press the left and right arrow keys to read them one by one." });
      body("activity").append(el("h3", {}, "What each unit tells: KL to the prior, in nats"), nats);
      chart(nats, "units, sorted by mean", [0], units.kl, (drawing, k, x, y, room) => {
        drawing.append(svg("rect", { x: x - clamp(room * .3, 1, 14), width: clamp(room * .6, 2, 28), y: y(units.kl[k]), height: Math.max(1, y(0) - y(units.kl[k])), fill: COLOURS[2] }));
      });
    }
  };

  const features = () => {
    const source = data.features;
    if (!source) return;
    const which = source.units.length < source.of ? ` ${source.units.length} of ${grouped(source.of)} units, spread evenly.` : "";
    const state = new Map(data.units.units.map((unit, k) => [unit, data.units.state[k]]));
    const note = (unit) => (source.isCode && state.get(unit) ? ` ${STATES[state.get(unit)]}` : "");
    if (data.picture) {
      lead("features", `The weights of each unit of the first layer (${source.tensor}), as far as its greatest: orange excites, blue inhibits.${which}`);
      const pixels = bytes(source.weights);
      const list = el("ul", { class: "tilesheet" });
      source.units.forEach((unit, k) => {
        const item = el("li", note(unit) ? { class: "off" } : {}, picture(pixels, k, 0, `weights of unit ${unit}${note(unit)}`, diverging), `${unit}${note(unit)}`);
        list.append(item);
      });
      body("features").append(list);
    } else {
      lead("features", `The columns with the largest weights of each unit of the first layer (${source.tensor}).${which}`);
      const list = el("ul", { class: "words" });
      source.units.slice(0, 48).forEach((unit, k) => {
        const lines = source.weights[k].map(([name, weight]) => el("tr", {}, el("th", { scope: "row" }, name), el("td", {}, format(weight))));
        list.append(el("li", {}, el("h3", {}, `unit ${unit}${note(unit)}`), el("table", {}, el("tbody", {}, ...lines))));
      });
      body("features").append(list);
    }
  };

  const errors = [];
  for (const [id, fill] of Object.entries({ training, reconstructions, map, traversal, activity, features })) {
    try {
      fill();
      waiting.splice(0).forEach((begin) => begin());
    } catch (error) {
      errors.push(`${id}: ${error.message}`);
      body(id)?.append(el("p", { class: "notice" }, "This part could not be drawn."));
    }
  }
  root.dataset.errors = errors.join("; ");
  root.dataset.charts = document.querySelectorAll("#training svg[height='220']").length;
  root.dataset.pictures = document.querySelectorAll("canvas").length;
  root.dataset.sliders = document.querySelectorAll("input[type=range]").length;
  root.dataset.overflow = String(document.documentElement.scrollWidth > document.documentElement.clientWidth);
  root.dataset.ready = "true";
})();
