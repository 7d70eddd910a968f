// How many rows have which score, and where the threshold is.
fill.scores = () => {
  const { edges, counts, beyond, threshold, above, samples, infinite, log, isDrawn } = data.scores;
  const notes = [];
  if (threshold !== null) notes.push(`${grouped(above)} of ${grouped(samples)} are above the threshold ${format(threshold)}${counts && !isDrawn ? ", which lies far outside of this chart" : ""}.`);
  if (infinite > 0) notes.push(`${grouped(infinite)} are beyond all numbers and not drawn.`);
  if (log) notes.push("The scale of scores is logarithmic.");
  if (counts) {
    const frame = el("div", { tabindex: 0, role: "group", "aria-label": "Histogram of the scores. Press the left and right arrow keys to read the bars one by one." });
    const readout = el("p", { class: "readout", "aria-live": "polite" });
    const between = (low, high) => {
      const short = [low, high].map(format);
      return short[0] !== short[1] ? short : [low, high].map((value) => String(Number(value.toPrecision(digits(low, high)))).replaceAll("-", "−"));
    };
    const isBeyond = (k) => beyond !== null && k >= beyond;
    let chosen = null;
    let draw = () => {};
    const say = (k) => { readout.textContent = `${grouped(counts[k])} with a score from ${between(edges[k], edges[k + 1]).join(" to ")}${isBeyond(k) ? ", above the threshold" : ""}`; };
    responsive(frame, (width) => {
      const [left, right, top, bottom, height] = [54, 12, 26, 40, 260];
      const scale = log ? Math.log10 : (value) => value;
      const [from, to] = [scale(edges[0]), scale(edges[counts.length])];
      const most = Math.max(...counts);
      const x = (value) => left + (width - left - right) * (scale(value) - from) / (to - from);
      // Square roots, so that few are seen beside many.
      const y = (count) => top + (height - top - bottom) * (1 - Math.sqrt(count / most));
      draw = () => {
        const chart = svg("svg", { width, height, "aria-hidden": "true" });
        const marks = [];
        for (const value of ticks(0, most, 4).filter(Number.isInteger)) if (!marks.some((other) => Math.abs(y(other) - y(value)) < 16)) marks.push(value);
        for (const value of marks) {
          chart.append(svg("line", { x1: left, x2: width - right, y1: y(value), y2: y(value), class: "rule" }));
          chart.append(svg("text", { x: left - 8, y: y(value) + 4, "text-anchor": "end" }, tickText(value)));
        }
        let scores = ticks(from, to, Math.max(3, Math.floor(width / 110)));
        if (log) scores = scores.map((power) => 10 ** power);
        for (const value of scores) chart.append(svg("text", { x: x(value), y: height - 22, "text-anchor": "middle" }, tickText(value, log ? 6 : digits(from, to)).replace("e+", "e")));
        counts.forEach((count, k) => {
          if (count === 0) return;
          const bar = svg("rect", { x: x(edges[k]) + .5, width: Math.max(1, x(edges[k + 1]) - x(edges[k]) - 1), y: y(count), height: Math.max(1, y(0) - y(count)), opacity: k === chosen ? 1 : .82 });
          bar.style.fill = `var(${isBeyond(k) ? "--second" : "--accent"})`;
          chart.append(bar);
        });
        chart.append(svg("line", { x1: left, x2: width - right, y1: y(0), y2: y(0), class: "axis" }));
        chart.append(svg("text", { x: (left + width - right) / 2, y: height - 4, "text-anchor": "middle" }, "score"));
        chart.append(svg("text", { x: left - 8, y: 12, "text-anchor": "end" }, "rows"));
        if (isDrawn) {
          const at = x(threshold);
          chart.append(svg("line", { x1: at, x2: at, y1: top - 8, y2: y(0), class: "event" }));
          const isLeft = at > width / 2;
          chart.append(svg("text", { x: at + (isLeft ? -6 : 6), y: top - 10, "text-anchor": isLeft ? "end" : "start", class: "strong" }, `threshold ${format(threshold)}: ${grouped(above)} above`));
        }
        frame.replaceChildren(chart);
      };
      draw();
      frame.onpointermove = (event) => {
        const at = event.clientX - frame.getBoundingClientRect().left;
        const next = clamp(counts.findLastIndex((_, k) => x(edges[k]) <= at), 0, counts.length - 1);
        if (next !== chosen) { chosen = next; say(chosen); draw(); }
      };
    });
    frame.onpointerleave = () => { chosen = null; draw(); };
    frame.onkeydown = (event) => {
      const next = { ArrowLeft: (chosen ?? 1) - 1, ArrowRight: (chosen ?? -1) + 1, Home: 0, End: counts.length - 1 }[event.key];
      if (next === undefined) return;
      event.preventDefault();
      chosen = clamp(next, 0, counts.length - 1);
      say(chosen);
      draw();
    };
    body("scores").append(frame, readout);
    notes.push("Heights are square roots of the numbers, so that few are seen beside many.");
  }
  body("scores").append(el("p", { class: "note" }, notes.join(" ")));
};
