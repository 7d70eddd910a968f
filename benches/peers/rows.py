"""What is measured: the kinds, and of each the libraries and the rows of its table."""

from dataclasses import dataclass

DEEP = "784-1000-500-250-30-250-500-1000-784"


@dataclass(frozen=True)
class Row:
    case: str  # what our own bench calls it
    batch: int = 1
    name: str = ""  # in the table, if it is not the case
    words: tuple = ()  # what the other programs are told, if it is not the case
    agree: float = 1e-5  # values, where libraries print them, differ by no more than this share

    @property
    def shown(self):
        return self.name or self.case

    @property
    def options(self):
        return [*(self.words or ("--case", self.case)), "--batch", self.batch]


@dataclass(frozen=True)
class Kind:
    title: str
    head: tuple  # of the first columns: what a row is called and, if there is a second, its batch
    bench: str  # ours, in the folder above
    libraries: dict  # name in the table and words of the program, by key; ours is the bench
    rows: tuple
    cores: tuple = (1, 2)
    unit_us: int = 1  # microseconds to a unit of the table


def objective(name, net, shown):
    words = ("--objective", name, "--case", net)
    return Row(f"{name} {net}", 128, f"{name}, {shown}", words)


def dictionary(units, k):
    shown = f"768 inputs, {units:,} units, k {k}"
    return Row(f"growth {units} {k}", 1024, shown, ("--case", f"768-{units}-{k}"))


NETS = {
    "ours": ("ours", None),
    "torch": ("PyTorch eager", ["torch_peer.py"]),
    "torch-compiled": ("PyTorch compiled", ["torch_peer.py", "--compiled"]),
    "jax": ("JAX", ["jax_peer.py"]),
}

KINDS = {
    "train": Kind(
        title="A training step, µs (and how many times ours)",
        head=("net", "batch"),
        bench="throughput",
        libraries=NETS
        | {
            "sklearn": ("scikit-learn", ["sklearn_peer.py"]),
            "burn": ("Burn", ["burn"]),
            "candle": ("candle", ["candle"]),
            "gemm": ("bare products, gemm", ["gemm"]),
        },
        rows=(
            Row("64-32-64", 128),
            Row("784-128-784", 128),
            Row("784-256-64-256-784", 128),
            Row(DEEP, 128),
            Row(DEEP, 512),
        ),
    ),
    "objectives": Kind(
        title="A training step of a regularized autoencoder, µs (and how many times ours)",
        head=("objective and net", "batch"),
        bench="regularized",
        libraries=NETS,
        rows=(
            objective("variational", "784-400-20-400-784", "784-400-2×20-400-784"),
            objective("sparse", "784-1024-784", "784-1024-784"),
            objective("contractive", "784-128-784", "784-128-784"),
            objective("denoising", "784-128-784", "784-128-784"),
        ),
    ),
    "images": Kind(
        title="A training step of a convolutional autoencoder, µs (and how many times ours)",
        head=("net", "batch"),
        bench="images",
        libraries=NETS,
        rows=(
            objective("strided", "784", "images 1×28×28: 32-64 channels, code of 32"),
            objective("series", "1024", "windows 8×128: 16-32 channels"),
            objective("keras", "784", "images 1×28×28: 16-8-8 channels, pooling and upsampling"),
        ),
    ),
    "dictionaries": Kind(
        title="A training step of a sparse dictionary, ms (and how many times ours)",
        head=("sizes", "batch"),
        bench="dictionaries",
        libraries={
            "ours": ("ours", None),
            "torch": ("PyTorch eager, dense", ["torch_dictionary.py", "--decoder", "dense"]),
            "torch-bag": ("PyTorch eager, bag", ["torch_dictionary.py", "--decoder", "bag"]),
        },
        rows=(
            dictionary(2048, 32),
            dictionary(16_384, 32),
        ),
        unit_us=1000,
    ),
    "encode": Kind(
        title="Encoding, µs (and how many times ours)",
        head=("net", "batch"),
        bench="training",
        libraries={
            "ours": ("ours", None),
            "torch": ("PyTorch eager", ["torch_peer.py", "--encode"]),
            "onnx": ("ONNX Runtime", ["onnx_peer.py"]),
        },
        rows=(Row("64-32", 1), Row("64-32", 8), Row("784-128", 1), Row("784-128", 8)),
        cores=(1,),
    ),
    "generation": Kind(
        title="Generation, scores and neighbours, ms (and how many times ours)",
        head=("call",),
        bench="generation",
        libraries={
            "ours": ("ours", None),
            "torch": ("PyTorch eager", ["torch_generation.py"]),
            "sklearn": ("scikit-learn, default", ["sklearn_nearest.py", "--algorithm", "auto"]),
            "sklearn-brute": (
                "scikit-learn, brute",
                ["sklearn_nearest.py", "--algorithm", "brute"],
            ),
        },
        rows=(
            Row("sample", name="`sample`: 10,000 of 784-400-2×20-400-784", agree=1e-2),
            Row(
                "likelihood",
                name="`negative_log_likelihood`: 20 samples, 5,000 draws, same net",
                agree=1e-3,
            ),
            Row("scores", name="`AnomalyDetector::scores`: 1,000,000 rows, 30-16-4-16-30"),
            Row("nearest-20", name="`nearest`: 10,000 among 20,000, 20 features, k = 5"),
            Row("nearest-784", name="`nearest`: 2,000 among 20,000, 784 features, k = 5"),
        ),
        unit_us=1000,
    ),
}

LIBRARIES = list(dict.fromkeys(key for kind in KINDS.values() for key in kind.libraries))


def has(key, row):
    """Whether a library has the row: of the calls on many samples scikit-learn has one."""
    is_call = row in KINDS["generation"].rows
    return not (is_call and key.startswith("sklearn")) or row.case.startswith("nearest")
