// Mean, range and nats of each unit.
const STATES = ["alive", "dead", "saturated"];
fill.activity = () => {
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
