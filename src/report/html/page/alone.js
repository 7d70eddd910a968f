// In place of pairs, reconstructions and traversals: a classifier makes no other sample of a sample.
const sample = (source, index) => {
  if (!data.picture) return row(source.x[index]);
  return picture(source.x, index, 96, `sample ${grouped(source.samples[index])}`);
};

const decoded = (source) => {
  if (data.picture) source.x = bytes(source.x);
  return source;
};
