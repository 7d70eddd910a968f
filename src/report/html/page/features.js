// Weights of the first layer.
fill.features = () => {
  const source = data.features;
  if (!source) return;
  const which = source.units.length < source.of ? ` ${source.units.length} of ${grouped(source.of)} units, spread evenly.` : "";
  const state = new Map(data.units.units.map((unit, k) => [unit, data.units.state[k]]));
  const note = (unit) => (source.isCode && state.get(unit) ? ` ${STATES[state.get(unit)]}` : "");
  if (data.picture || source.sides) {
    const what = source.sides ? "The filter of each channel of the first convolution, its input channels below each other" : "The weights of each unit of the first layer";
    const how = data.colour && !source.sides ? "red, green and blue excite where they are bright and inhibit where they are dark, grey is 0" : "orange excites, blue inhibits";
    lead("features", `${what} (${source.tensor}), as far as its greatest: ${how}.${which}`);
    const pixels = bytes(source.weights);
    const list = el("ul", { class: "tilesheet" });
    source.units.forEach((unit, k) => {
      const item = el("li", note(unit) ? { class: "off" } : {}, picture(pixels, k, 0, `weights of unit ${unit}${note(unit)}`, diverging, source.sides), `${unit}${note(unit)}`);
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
