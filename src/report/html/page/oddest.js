// Pictures of the oddest: given, expected, and the difference. Rows of a table are there already.
fill.oddest = () => {
  const source = data.oddest;
  if (!source) return;
  decoded(source, ["x", "y", "r"]);
  document.querySelectorAll("#oddest .pictures").forEach((cell, k) => {
    const pair = el("div", { class: "pair" });
    const name = `row ${grouped(source.samples[k])}`;
    pair.append(picture(source.x, k, 72, `${name}, given`));
    if (source.y) pair.append(picture(source.y, k, 72, `${name}, expected`), picture(source.r, k, 72, `${name}, difference`, data.colour ? grey : diverging));
    cell.append(pair);
  });
  const asExpected = data.colour ? "grey is as expected." : "white is as expected, orange more and blue less.";
  const colours = source.y ? ` In the difference, each up to its greatest, ${asExpected}` : "";
  document.getElementById("oddest").append(el("p", { class: "note" }, `Black is ${format(data.span[0])}, white is ${format(data.span[1])}.${colours}${data.missing ? " Hatched pixels are missing." : ""}`));
};
