// Codes as points of a plane.
fill.map = () => {
  const source = decoded(data.map, ["x", "y"]);
  const count = source.samples.length;
  const where = (k) => source.px[k] !== null && source.py[k] !== null;
  // A few points far out do not squeeze all others: those are drawn at the edge.
  const span = (values) => {
    const finite = values.filter((value) => value !== null).sort((a, b) => a - b);
    let [low, high] = [finite[0], finite[finite.length - 1]];
    const [near, far] = [.02, .98].map((share) => finite[Math.round(share * (finite.length - 1))]);
    if (high - low > 5 * (far - near) && far > near) [low, high] = [Math.max(low, 2 * near - far), Math.min(high, 2 * far - near)];
    if (!(high > low)) { low -= 1; high += 1; }
    return [low - .04 * (high - low), high + .04 * (high - low)];
  };
  const [[x0, x1], [y0, y1]] = [span(source.px), span(source.py)];
  const outside = source.px.filter((at, k) => where(k) && (at < x0 || at > x1 || source.py[k] < y0 || source.py[k] > y1)).length;
  const frame = el("div", { tabindex: 0, role: "group", "aria-label": `Map of ${count} codes: ${source.axes[0]} against ${source.axes[1]}. Press the arrow keys to go from point to point.` });
  const detail = el("div", { class: "detail", "aria-live": "polite" }, el("p", {}, "No point is chosen yet."));
  const legend = el("div", { class: "legend" });
  let chosen = null;
  let only = null;
  let draw = () => {};
  let place = [];
  const choose = (k) => {
    chosen = k;
    const name = `${source.thing} ${grouped(source.samples[k])}`;
    detail.replaceChildren(el("h3", {}, name));
    if (source.classes.length > 0) detail.append(el("p", {}, `${source.kind}${source.classes[source.class[k]]}`));
    if (data.picture) detail.append(sample(source, k));
    detail.append(el("p", {}, source.said ? source.said[k] : `loss ${format(source.scores[k])}`));
    if (source.words) detail.append(el("ul", { class: "why" }, ...source.words[k].map((word) => el("li", {}, word))));
    else detail.append(el("p", {}, `at ${format(source.px[k])}, ${format(source.py[k])}`));
    if (!data.picture && !source.words) detail.append(sample(source, k));
    mark();
  };
  let mark = () => {};
  responsive(frame, (width) => {
    const [left, right, top, bottom] = [60, 10, 10, 46];
    const height = Math.round(clamp(width * .72, 300, 560));
    const x = (value) => left + (width - left - right) * (value - x0) / (x1 - x0);
    const y = (value) => top + (height - top - bottom) * (y1 - value) / (y1 - y0);
    place = source.px.map((_, k) => (where(k) ? [x(clamp(source.px[k], x0, x1)), y(clamp(source.py[k], y0, y1))] : [NaN, NaN]));
    draw = () => {
      const chart = svg("svg", { width, height, "aria-hidden": "true" });
      for (const value of ticks(x0, x1, Math.max(4, Math.floor(width / 110)))) {
        chart.append(svg("line", { x1: x(value), x2: x(value), y1: top, y2: height - bottom, class: "rule" }));
        chart.append(svg("text", { x: x(value), y: height - bottom + 17, "text-anchor": "middle" }, tickText(value, digits(x0, x1))));
      }
      for (const value of ticks(y0, y1, 5)) {
        chart.append(svg("line", { x1: left, x2: width - right, y1: y(value), y2: y(value), class: "rule" }));
        chart.append(svg("text", { x: left - 8, y: y(value) + 4, "text-anchor": "end" }, tickText(value, digits(y0, y1))));
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
    if (chosen === null && where(source.first)) choose(source.first);
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
  if (source.principal) lead("map", `${document.querySelector("#map .lead").textContent} The axes are the first two principal components of the code.`);
  if (source.classes.length > 0) lead("map", `${document.querySelector("#map .lead").textContent} A label shows its points alone.`);
  body("map").append(...(source.classes.length > 0 ? [legend] : []), el("div", { class: "split" }, frame, detail));
  const words = source.words ? " The oddest rows are told as in their table, all others by the score’s own terms." : "";
  const missing = data.picture && data.missing ? " Hatched pixels are missing." : "";
  body("map").append(el("p", { class: "note" }, `${grouped(count)} points.${outside > 0 ? ` ${grouped(outside)} lie farther out and are drawn at the edge.` : ""}${words}${missing}`));
};
