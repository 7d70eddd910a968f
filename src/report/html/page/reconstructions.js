// Originals beside what the model makes of them: best, median, worst.
fill.reconstructions = () => {
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
    ? `Black is ${format(data.span[0])}, ${data.colour ? "the brightest of each colour" : "white"} is ${format(data.span[1])}.`
    : "In the last column, blue is the value and orange what the model makes of it, between the least and the greatest value of the column.";
  const missing = data.picture ? " Hatched pixels are missing." : " Along a dashed line there is no value: the cell is missing.";
  body("reconstructions").append(el("p", { class: "note" }, note + (data.missing ? missing : "")));
};
