"""Measures the same training steps here and in other libraries; see README.md beside this file."""

import argparse
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
OUT = ROOT / "target" / "peers"
PYTHON = ROOT / "target" / "peers-venv" / "bin" / "python"

DEEP = "784-1000-500-250-30-250-500-1000-784"
CASES = [
    ("64-32-64", 128),
    ("784-128-784", 128),
    ("784-256-64-256-784", 128),
    (DEEP, 128),
    (DEEP, 512),
]
CODES = ["64-32", "784-128"]  # input and code, to encode one sample
CORES = {1: "1", 2: "0,1"}  # how many, and which: the first core of a machine is often busy

# Key, name in the table, and the program's words; `ours` is measured by this crate's own benches.
TRAINING = {
    "ours": ("ours", None),
    "torch": ("PyTorch eager", ["torch_peer.py"]),
    "torch-compiled": ("PyTorch compiled", ["torch_peer.py", "--compiled"]),
    "jax": ("JAX", ["jax_peer.py"]),
    "sklearn": ("scikit-learn", ["sklearn_peer.py"]),
    "burn": ("Burn", ["burn"]),
    "candle": ("candle", ["candle"]),
}
ENCODING = {
    "ours": ("ours", None),
    "torch": ("PyTorch eager", ["torch_peer.py", "--encode"]),
    "onnx": ("ONNX Runtime", ["onnx_peer.py", "--encode"]),
}


def environment(threads):
    """Each library's own way to be told how many threads to use; what else steers it is unset."""
    slowing = {"OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE", "RUSTFLAGS", "XLA_FLAGS"}
    env = {name: value for name, value in os.environ.items() if name not in slowing}
    for name in ("OMP", "MKL", "OPENBLAS", "RAYON", "CANDLE"):
        env[f"{name}_NUM_THREADS"] = str(threads)
    if threads == 1:
        env["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false"
    env["JAX_PLATFORMS"] = "cpu"
    env["TORCHINDUCTOR_CACHE_DIR"] = str(OUT / "inductor")
    env["CRITERION_HOME"] = str(OUT / "criterion")
    return env


def others_seconds():
    """Processor time of all programs since the machine began, less that of those run here."""
    user, nice, system = Path("/proc/stat").read_text().split()[1:4]
    everything = (int(user) + int(nice) + int(system)) / os.sysconf("SC_CLK_TCK")
    here = resource.getrusage(resource.RUSAGE_CHILDREN)
    return everything - here.ru_utime - here.ru_stime


OTHERS = []  # what other programs took of a core during each run, where 1 is a whole core


def run(words, threads):
    """Runs a program on as many cores as it has threads; what it prints, or None if it failed."""
    pinned = ["taskset", "-c", CORES[threads], *map(str, words)]
    begin, others = time.monotonic(), others_seconds()
    done = subprocess.run(
        pinned, env=environment(threads), cwd=ROOT, text=True, capture_output=True
    )
    OTHERS.append((others_seconds() - others) / (time.monotonic() - begin))
    if done.returncode != 0:
        print(f"failed: {' '.join(pinned)}\n{done.stderr[-2000:]}", file=sys.stderr)
        return None
    return done.stdout


def build(words):
    """Builds with cargo; the program of each bench or binary by its name."""
    command = ["cargo", *words, "--message-format=json"]
    done = subprocess.run(
        command, env=environment(1), cwd=ROOT, text=True, stdout=subprocess.PIPE, check=True
    )
    made = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    return {item["target"]["name"]: item["executable"] for item in made if item.get("executable")}


class Peers:
    """All libraries that were asked for, ready to run."""

    def __init__(self, taken):
        self.taken = taken
        self.programs = {}
        if "ours" in taken.only:
            for threads in taken.cores:
                features = ["--features", "parallel"] if threads > 1 else []
                self.programs["ours", threads] = build(
                    ["bench", "--package", "autoencoder-benches", "--no-run", *features]
                )
        for name in {"burn", "candle"} & set(taken.only):
            words = ["--manifest-path", f"{HERE}/{name}/Cargo.toml", "--target-dir", OUT / name]
            made = build(["build", "--release", *map(str, words)])
            self.programs[name] = made[f"{name}-peer"]
        if set(taken.only) - {"ours", "burn", "candle"}:
            if not PYTHON.exists():
                subprocess.run([sys.executable, "-m", "venv", PYTHON.parents[1]], check=True)
            install = [PYTHON, "-m", "pip", "install", "--quiet", "-r", HERE / "requirements.txt"]
            subprocess.run(install, check=True)

    def measure(self, words, case, batch, threads):
        """Microseconds and version of one peer's run."""
        program, *rest = words
        start = [PYTHON, HERE / program] if program.endswith(".py") else [self.programs[program]]
        rest += ["--quick"] if self.taken.quick else []
        sizes = ["--case", case, "--batch", batch, "--threads", threads]
        printed = run([*start, *rest, *sizes], threads)
        if printed is None:
            return None, None
        line = json.loads(printed.splitlines()[-1])
        return line["step_us"], line["version"]

    def ours_trains(self, case, threads):
        """Microseconds of our step, by batch: the bench takes all cases with this name at once."""
        file = OUT / "ours.json"
        words = ["--bench", "--json", file, "--threads", threads, case]
        if run([self.programs["ours", threads]["throughput"], *words], threads) is None:
            return {}
        rows = json.loads(file.read_text())
        return {row["batch"]: row["step_us"] for row in rows if row["case"] == case}

    def ours_encodes(self):
        """Microseconds of our encoding of one sample, by input and code."""
        home = OUT / "criterion"
        shutil.rmtree(home, ignore_errors=True)
        run([self.programs["ours", 1]["training"], "--bench", "encode one"], 1)
        found = {}
        for file in home.glob("*/encode one/new/estimates.json"):
            code = "-".join(file.parts[-4].split("-")[:2])  # of 64-32-64
            found[code] = json.loads(file.read_text())["median"]["point_estimate"] / 1e3
        return found


def cell(value, ours):
    if value is None:
        return "–"
    text = f"{value:.0f}" if value >= 100 else f"{value:.3g}"
    if ours is None or value is ours:
        return text
    factor = value / ours
    return f"{text} ({factor:.0f}×)" if factor >= 10 else f"{text} ({factor:.2f}×)"


def table(title, head, libraries, rows):
    """Markdown: a row's first columns, then each library's median and its factor over ours."""
    names = [TRAINING.get(key, ENCODING.get(key))[0] for key in libraries]
    lines = [f"**{title}**", "", "| " + " | ".join(head + names) + " |"]
    lines.append("|" + "---|" * len(head) + "---:|" * len(names))
    for first, medians in rows:
        cells = [cell(medians.get(key), medians.get("ours")) for key in libraries]
        lines.append("| " + " | ".join([*map(str, first), *cells]) + " |")
    return "\n".join(lines) + "\n"


def options():
    known = list(TRAINING | ENCODING)
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="the table has the median over them")
    parser.add_argument("--quick", action="store_true", help="one short round, to see that all run")
    parser.add_argument("--only", default=",".join(known), help="some of the libraries")
    parser.add_argument("--cores", default="1,2", help="1, 2 or both")
    parser.add_argument("--cases", default="", help="only nets whose name contains one of these")
    taken = parser.parse_args()
    taken.only = [key for key in known if key in taken.only.split(",")]
    taken.cores = [int(count) for count in taken.cores.split(",")]
    taken.rounds = 1 if taken.quick else taken.rounds
    words = taken.cases.split(",")
    taken.cases = [case for case in CASES if any(word in case[0] for word in words)]
    return taken


def main():
    taken = options()
    OUT.mkdir(parents=True, exist_ok=True)
    peers = Peers(taken)
    training = [key for key in TRAINING if key in taken.only]
    encoding = [key for key in ENCODING if key in taken.only]
    times, versions, failed = {}, {}, []

    def note(key, kind, case, batch, threads, result, version=None):
        name = (TRAINING | ENCODING)[key][0]
        shown = "failed" if result is None else f"{result:.2f} µs"
        print(f"{kind} {case} batch {batch} threads {threads} {name}: {shown}", flush=True)
        if result is None:
            failed.append(name)
        else:
            times.setdefault((key, kind, case, batch, threads), []).append(result)
            versions.setdefault(name, version)

    # The libraries take turns at each case, so that a slow minute of the machine meets all alike.
    for _ in range(taken.rounds):
        for threads in taken.cores:
            ours = {}
            for case, batch in taken.cases:
                for key in training:
                    if key == "ours":
                        ours[case] = ours.get(case) or peers.ours_trains(case, threads)
                        note(key, "train", case, batch, threads, ours[case].get(batch))
                    else:
                        measured = peers.measure(TRAINING[key][1], case, batch, threads)
                        note(key, "train", case, batch, threads, *measured)
        if 1 in taken.cores:
            ours = peers.ours_encodes() if "ours" in encoding else {}
            for case in CODES:
                for key in encoding:
                    measured = ours.get(case), None
                    if key != "ours":
                        measured = peers.measure(ENCODING[key][1], case, 1, 1)
                    note(key, "encode", case, 1, 1, *measured)

    medians = {at: statistics.median(found) for at, found in times.items()}

    def row(libraries, *rest):
        found = {key: medians.get((key, *rest)) for key in libraries}
        return {key: value for key, value in found.items() if value is not None}

    tables = []
    for threads in taken.cores:
        rows = [
            ([case, batch], row(training, "train", case, batch, threads))
            for case, batch in taken.cases
        ]
        title = f"A training step, µs (and how many times ours), {threads} core"
        title += "s" if threads > 1 else ""
        tables.append(table(title, ["net", "batch"], training, rows))
    if 1 in taken.cores and encoding:
        rows = [([case], row(encoding, "encode", case, 1, 1)) for case in CODES]
        tables.append(table("Encoding one sample, µs, 1 core", ["net"], encoding, rows))
    named = [f"{name} {version}" for name, version in versions.items() if version]
    busy = f"other programs took {statistics.median(OTHERS):.0%} of a core"
    busy += f" (median; at most {max(OTHERS):.0%})"
    text = "\n".join(tables) + f"\n{', '.join(named)}; {busy}.\n"
    (OUT / "table.md").write_text(text)
    fields = ("library", "kind", "case", "batch", "threads")
    lines = [dict(zip(fields, at)) | {"rounds_us": found} for at, found in times.items()]
    for line in lines:
        line["median_us"] = statistics.median(line["rounds_us"])
    data = {"versions": versions, "others_share_of_a_core": OTHERS, "rows": lines}
    (OUT / "results.json").write_text(json.dumps(data, indent=1) + "\n")
    print(f"\n{text}\nwritten to {OUT.relative_to(ROOT)}/table.md and results.json")
    sys.exit(f"failed: {', '.join(sorted(set(failed)))}" if failed else 0)


if __name__ == "__main__":
    main()
