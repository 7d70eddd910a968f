"""The tables of what was measured, as Markdown."""


def number(value):
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"


def cell(value, ours, unit_us):
    """A library's median, and how many times ours it is."""
    if value is None:
        return "–"
    text = number(value / unit_us)
    if ours is None or value is ours:
        return text
    factor = value / ours
    return f"{text} ({factor:.0f}×)" if factor >= 10 else f"{text} ({factor:.2f}×)"


def ratio(ours, products):
    """How many times the bare products our step takes."""
    return "–" if ours is None or products is None else f"{ours / products:.2f}×"


def table(kind, cores, only, rows, medians):
    """The rows of a kind; `medians` are those of each library, by row and library."""
    libraries = [key for key in kind.libraries if key in only]
    names = [kind.libraries[key][0] for key in libraries]
    names += ["ours over products"] if "gemm" in libraries else []
    title = f"{kind.title}, {cores} core" + ("s" if cores > 1 else "")
    lines = [f"**{title}**", "", "| " + " | ".join([*kind.head, *names]) + " |"]
    lines.append("|" + "---|" * len(kind.head) + "---:|" * len(names))
    for row in rows:
        found = {key: medians.get((row, key)) for key in libraries}
        ours = found.get("ours")
        # Bare products are no library to compare with: behind theirs stands what our step is to them.
        cells = [
            cell(value, None if key == "gemm" else ours, kind.unit_us)
            for key, value in found.items()
        ]
        cells += [ratio(ours, found["gemm"])] if "gemm" in found else []
        first = (row.shown, str(row.batch))[: len(kind.head)]
        lines.append("| " + " | ".join([*first, *cells]) + " |")
    return "\n".join(lines) + "\n"
