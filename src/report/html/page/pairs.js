const sample = (source, index) => {
  if (!data.picture) return row(source.x[index], source.y[index]);
  const node = el("div", { class: "pair" });
  const name = `sample ${grouped(source.samples[index])}`;
  node.append(picture(source.x, index, 96, `${name}, original`), picture(source.y, index, 96, `${name}, reconstruction`));
  return node;
};

const decoded = (source, keys) => {
  if (data.picture) for (const key of keys) source[key] = bytes(source[key]);
  return source;
};
