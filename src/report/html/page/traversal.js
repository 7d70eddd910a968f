// Decoded codes between two ends of a unit, with sliders.
fill.traversal = () => {
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
