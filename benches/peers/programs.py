"""The programs of all libraries: how each is built, and run on so many cores."""

import json
import os
import resource
import shutil
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
OUT = ROOT / "target" / "peers"
PYTHON = ROOT / "target" / "peers-venv" / "bin" / "python"

CORES = {1: "1", 2: "0,1"}  # how many, and which: the first core of a machine is often busy


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


def build(words):
    """Builds with cargo; the program of each bench or binary by its name."""
    command = ["cargo", *map(str, words), "--message-format=json"]
    done = subprocess.run(
        command, env=environment(1), cwd=ROOT, text=True, stdout=subprocess.PIPE, check=True
    )
    made = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    return {item["target"]["name"]: item["executable"] for item in made if item.get("executable")}


class Programs:
    """All that was asked for, ready to run."""

    def __init__(self, taken):
        self.is_quick = taken.quick
        self.others = []  # what other programs took of a core during each run; 1 is a whole core
        self.built = {}
        self.ours_found = {}  # in this round, by bench, case and threads
        wanted = {key for kind in taken.kinds.values() for key in kind.libraries} & set(taken.only)
        if "ours" in wanted:
            benches = [word for kind in taken.kinds.values() for word in ("--bench", kind.bench)]
            words = ["bench", "--package", "autoencoder-benches", "--no-run", *benches]
            for threads in taken.cores:
                features = ["--features", "parallel"] if threads > 1 else []
                self.built["ours", threads] = build([*words, *features])
        for name in {"burn", "candle", "gemm"} & wanted:
            words = ["--manifest-path", f"{HERE}/{name}/Cargo.toml", "--target-dir", OUT / name]
            self.built[name] = build(["build", "--release", *words])[f"{name}-peer"]
        if wanted - {"ours", "burn", "candle", "gemm"}:
            if not PYTHON.exists():
                subprocess.run([sys.executable, "-m", "venv", PYTHON.parents[1]], check=True)
            install = [PYTHON, "-m", "pip", "install", "--quiet", "-r", HERE / "requirements.txt"]
            subprocess.run(install, check=True)

    def begin_round(self):
        self.ours_found = {}

    def measure(self, key, kind, row, threads):
        """What a library's program prints of a row; nothing if it failed."""
        if key == "ours":
            return self.ours(kind, row, threads)
        program, *rest = kind.libraries[key][1]
        start = [PYTHON, HERE / program] if program.endswith(".py") else [self.built[program]]
        rest += ["--quick"] if self.is_quick else []
        printed = self.run([*start, *rest, *row.options, "--threads", threads], threads)
        return {} if printed is None else json.loads(printed.splitlines()[-1])

    def run(self, words, threads):
        """Runs a program on as many cores as it has threads; what it prints, None if it failed."""
        pinned = ["taskset", "-c", CORES[threads], *map(str, words)]
        begin, others = time.monotonic(), others_seconds()
        done = subprocess.run(
            pinned, env=environment(threads), cwd=ROOT, text=True, capture_output=True
        )
        self.others.append((others_seconds() - others) / (time.monotonic() - begin))
        if done.returncode != 0:
            print(f"failed: {' '.join(pinned)}\n{done.stderr[-2000:]}", file=sys.stderr)
            return None
        return done.stdout

    def ours(self, kind, row, threads):
        """The same of ours, where the bench takes all batches of a case at once."""
        at = kind.bench, row.case, threads
        if at not in self.ours_found:
            by = self.by_criterion if kind.bench == "training" else self.by_table
            self.ours_found[at] = by(self.built["ours", threads][kind.bench], row.case, threads)
        return self.ours_found[at].get(row.batch, {})

    def by_table(self, program, case, threads):
        """What a bench that prints a table says of a case."""
        file = OUT / "ours.json"
        words = ["--bench", "--json", file, "--threads", threads, *case.split()]
        words += ["--quick"] if self.is_quick else []
        if self.run([program, *words], threads) is None:
            return {}
        rows = [row for row in json.loads(file.read_text()) if row["case"] == case]
        return {row.get("batch", 1): row for row in rows}

    def by_criterion(self, program, code, threads):
        """The encoding of one sample and of eight: `code` has its sizes of input and code."""
        home = OUT / "criterion"
        shutil.rmtree(home, ignore_errors=True)
        net = f"{code}-{code.split('-')[0]}"
        words = ["--bench", f"{net}/encode (one|8)$"]
        words += ["--warm-up-time", "0.3", "--measurement-time", "1"] if self.is_quick else []
        self.run([program, *words], threads)
        found = {}
        for batch, name in {1: "encode one", 8: "encode 8"}.items():
            file = home / net / name / "new" / "estimates.json"
            if file.exists():
                median = json.loads(file.read_text())["median"]["point_estimate"]
                found[batch] = {"step_us": median / 1e3}
        return found
