"""Expect: what scikit-learn imputes in the cells that `imputation --out DIR` has removed, by the same measure.

    python peers.py DIR

Numbers are standardized by what is left of them and categories one-hot, of which the greatest value is the level;
`IterativeImputer` and `KNNImputer` as they are by default.
"""
import pathlib
import sys
import warnings

import numpy as np
from sklearn.experimental import enable_iterative_imputer  # noqa: F401
from sklearn.impute import IterativeImputer, KNNImputer

warnings.filterwarnings("ignore")
folder = pathlib.Path(sys.argv[1])
found = {}
for path in sorted(folder.glob("*.holes.csv")):
    stem = path.name.removesuffix(".holes.csv")
    holes = np.genfromtxt(path, delimiter=",", ndmin=2)
    full = np.genfromtxt(folder / f"{stem}.full.csv", delimiter=",", ndmin=2)
    numbers, *levels = (int(text) for text in (folder / f"{stem}.shape.csv").read_text().split(","))
    mean, scale = np.nanmean(holes[:, :numbers], 0), np.nanstd(holes[:, :numbers], 0)
    x = holes.copy()
    x[:, :numbers] = (x[:, :numbers] - mean) / np.where(scale > 0, scale, 1)
    deviation = np.nanstd(full[:, :numbers], 0)
    removed = np.isnan(holes) & ~np.isnan(full)
    first = np.cumsum([numbers, *levels])[:-1]
    for name, imputer in [("IterativeImputer", IterativeImputer(random_state=0)), ("KNNImputer", KNNImputer())]:
        y = x.copy()
        if name == "IterativeImputer":
            # Without the first level of each category, which the others give: with it a level is regressed on its own.
            kept = np.setdiff1d(np.arange(x.shape[1]), first)
            y[:, kept] = imputer.fit_transform(x[:, kept])
            for start, count in zip(first, levels):
                y[:, start] = 1 - y[:, start + 1 : start + count].sum(1)
        else:
            y = imputer.fit_transform(x)
        y[:, :numbers] = y[:, :numbers] * np.where(scale > 0, scale, 1) + mean
        error = ((y - full)[:, :numbers] / deviation)[removed[:, :numbers]]
        wrong, start = [], numbers
        for count in levels:
            of = slice(start, start + count)
            rows = removed[:, start]
            wrong.append(y[rows, of].argmax(1) != full[rows, of].argmax(1))
            start += count
        share = np.concatenate(wrong).mean() if wrong else np.nan
        key = (stem.rsplit("-", 1)[0], name)
        found.setdefault(key, []).append((np.sqrt((error**2).mean()), share))
for (table, name), values in found.items():
    print(f"{table:<18} {name:<18} {' / '.join(f'{value:.3f}' for value in np.mean(values, 0))}", flush=True)
