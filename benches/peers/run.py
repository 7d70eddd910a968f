"""Measures the same work here and in other libraries; see README.md beside this file."""

import argparse
import json
import statistics
import sys
from dataclasses import replace

from programs import OUT, ROOT, Programs
from rows import KINDS, LIBRARIES, has
from tables import table


def options():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="the table has the median over them")
    parser.add_argument("--quick", action="store_true", help="one short round, to see that all run")
    parser.add_argument("--kinds", default=",".join(KINDS), help="some of the tables")
    parser.add_argument("--only", default=",".join(LIBRARIES), help="some of the libraries")
    parser.add_argument("--cores", default="1,2", help="1, 2 or both")
    parser.add_argument("--cases", default="", help="only rows whose name contains one of these")
    taken = parser.parse_args()
    for name, known in (("kinds", list(KINDS)), ("only", LIBRARIES), ("cores", ["1", "2"])):
        chosen = getattr(taken, name).split(",")
        unknown = [word for word in chosen if word not in known]
        if unknown:
            parser.error(f"--{name} {','.join(unknown)}: choose from {','.join(known)}")
        setattr(taken, name, [word for word in known if word in chosen])
    taken.cores = [int(count) for count in taken.cores]
    taken.rounds = 1 if taken.quick else taken.rounds
    words = taken.cases.split(",")

    def is_wanted(row):
        return any(word in f"{row.case} {row.shown}" for word in words)

    kinds = {key: KINDS[key] for key in taken.kinds}
    kinds = {
        key: replace(kind, rows=tuple(filter(is_wanted, kind.rows))) for key, kind in kinds.items()
    }
    taken.kinds = {
        key: kind for key, kind in kinds.items() if kind.rows and set(kind.cores) & set(taken.cores)
    }
    if not taken.kinds:
        parser.error("no row is of these kinds, has such a name, and is measured on so many cores")
    return taken


class Results:
    """What was measured: times by library, kind, row and threads; versions; and what failed."""

    def __init__(self):
        self.times, self.values, self.versions, self.failed = {}, {}, {}, []

    def note(self, key, name, kind, row, threads, line):
        step_us, value = line.get("step_us"), line.get("value")
        shown = "failed" if step_us is None else f"{step_us:.2f} µs"
        print(f"{kind} {row.case} batch {row.batch} threads {threads} {name}: {shown}", flush=True)
        if step_us is None:
            return self.failed.append(name)
        self.times.setdefault((key, kind, row, threads), []).append(step_us)
        if "version" in line:
            self.versions[line["library"]] = line["version"]
        if value is not None:
            first, expected = self.values.setdefault((kind, row), (name, value))
            if not abs(value - expected) <= row.agree * abs(expected):
                print(f"{name} has the value {value}, {first} has {expected}", file=sys.stderr)
                self.failed.append(name)

    def medians(self, kind, threads):
        """By row and library."""
        return {
            (row, key): statistics.median(times)
            for (key, of_kind, row, on), times in self.times.items()
            if (of_kind, on) == (kind, threads)
        }

    def lines(self):
        for (key, kind, row, threads), times in self.times.items():
            line = {"library": key, "kind": kind, "case": row.case, "batch": row.batch}
            line |= {"threads": threads, "rounds_us": times, "median_us": statistics.median(times)}
            yield line


def main():
    taken = options()
    OUT.mkdir(parents=True, exist_ok=True)
    programs, results = Programs(taken), Results()
    # The libraries take turns at each row, so that a slow minute of the machine meets all alike.
    for _ in range(taken.rounds):
        programs.begin_round()
        for name, kind in taken.kinds.items():
            for threads in [count for count in taken.cores if count in kind.cores]:
                for row in kind.rows:
                    for key in kind.libraries:
                        if key in taken.only and has(key, row):
                            line = programs.measure(key, kind, row, threads)
                            library = kind.libraries[key][0]
                            results.note(key, library, name, row, threads, line)

    tables = [
        table(kind, threads, taken.only, kind.rows, results.medians(name, threads))
        for name, kind in taken.kinds.items()
        for threads in taken.cores
        if threads in kind.cores
    ]
    named = [f"{name} {version}" for name, version in results.versions.items()]
    others = programs.others
    busy = f"other programs took {statistics.median(others):.0%} of a core"
    busy += f" (median; at most {max(others):.0%})"
    text = "\n".join(tables) + f"\n{', '.join([*named, busy])}.\n"
    (OUT / "table.md").write_text(text)
    data = {"versions": results.versions, "others_share_of_a_core": others}
    data["rows"] = list(results.lines())
    (OUT / "results.json").write_text(json.dumps(data, indent=1) + "\n")
    print(f"\n{text}\nwritten to {OUT.relative_to(ROOT)}/table.md and results.json")
    failed = sorted(set(results.failed))
    sys.exit(f"failed: {', '.join(failed)}" if failed else 0)


if __name__ == "__main__":
    main()
