"""Dictionaries of SAELens on the samples of row 22 of the `papers` example: what the recorded figures there are from.

    cargo run --release --example papers --features gzip,table,parallel -- --row 22 --export target/known
    python3 benches/peers/sae_lens_dictionary.py target/known [--kinds topk,l1] [--seeds 1,2,3] [--norm 1]

Training is SAELens' own, class and trainer, with its defaults; samples come in the order of the file, and the first weights
are those of the export. Measures are NumPy and SciPy. A dictionary is measured in the form it is saved in for use, so that
BatchTopK has its threshold.
"""

import argparse
import json
import statistics
import time
from pathlib import Path

import numpy as np
import torch
from sae_lens import __version__
from sae_lens.config import LoggingConfig, SAETrainerConfig
from sae_lens.saes.batchtopk_sae import BatchTopKTrainingSAE, BatchTopKTrainingSAEConfig
from sae_lens.saes.jumprelu_sae import JumpReLUTrainingSAE, JumpReLUTrainingSAEConfig
from sae_lens.saes.standard_sae import StandardTrainingSAE, StandardTrainingSAEConfig
from sae_lens.saes.topk_sae import TopKTrainingSAE, TopKTrainingSAEConfig
from sae_lens.training.sae_trainer import SAETrainer
from scipy.optimize import linear_sum_assignment

MEASURES = ["MCC", "F1", "explained variance", "dead fraction", "active units"]


def untrained(kind, given, inputs):
    """A dictionary of this kind with SAELens' defaults, but for k and the weights of penalties."""
    sizes = {"d_in": inputs, "d_sae": given["units"], "device": "cpu", "dtype": "float32"}
    match kind:
        case "topk":
            return TopKTrainingSAE(TopKTrainingSAEConfig(k=given["k"], **sizes))
        case "batchtopk":
            return BatchTopKTrainingSAE(BatchTopKTrainingSAEConfig(k=given["k"], **sizes))
        case "jumprelu":
            return JumpReLUTrainingSAE(JumpReLUTrainingSAEConfig(l0_coefficient=given["l0"], **sizes))
        case "l1":
            return StandardTrainingSAE(StandardTrainingSAEConfig(l1_coefficient=given["l1"], **sizes))


def trained(kind, given, train, first):
    sae = untrained(kind, given, train.shape[1])
    with torch.no_grad():
        sae.W_dec.copy_(torch.from_numpy(first))
        sae.W_enc.copy_(sae.W_dec.T)
    assert not sae.b_enc.any() and not sae.b_dec.any()
    settings = SAETrainerConfig(
        total_training_samples=len(train),
        train_batch_size_samples=given["batch"],
        lr=given["rate"],
        lr_end=given["rate"],
        logger=LoggingConfig(log_to_wandb=False),
    )
    batches = (
        torch.from_numpy(np.array(train[at : at + given["batch"]]))
        for at in range(0, len(train), given["batch"])
    )
    SAETrainer(settings, sae, batches).fit()
    return sae


@torch.no_grad()
def in_use(sae, kind, x):
    """Code and reconstruction of each row, as of the dictionary that is saved."""
    if kind != "batchtopk":
        code = sae.encode(x)
        return code, sae.decode(code)
    norms = sae.W_dec.norm(dim=-1)
    code = (sae.process_sae_in(x) @ sae.W_enc + sae.b_enc) * norms
    code = code * (code > sae.topk_threshold)
    return code, (code / norms) @ sae.W_dec + sae.b_dec


def measured(sae, kind, test, is_on, features):
    atoms = sae.W_dec.detach().numpy().astype(np.float64)
    atoms /= np.linalg.norm(atoms, axis=1, keepdims=True)
    features = features / np.linalg.norm(features, axis=1, keepdims=True)
    cosines = np.abs(atoms @ features.T)
    matched = cosines[linear_sum_assignment(-cosines)].mean()
    best = cosines.argmax(axis=1)
    fired, both, on, missed = (np.zeros(n) for n in (len(atoms), len(atoms), len(features), 1))
    block = 10_000
    for at in range(0, len(test), block):
        x = torch.from_numpy(np.array(test[at : at + block]))
        code, y = in_use(sae, kind, x)
        fires, known = (code != 0).numpy(), is_on[at : at + block] != 0
        fired += fires.sum(axis=0)
        both += (fires & known[:, best]).sum(axis=0)
        on += known.sum(axis=0)
        missed += ((x.double() - y.double()) ** 2).sum().item()
    spread = test.astype(np.float64).var(axis=0).sum() * len(test)
    # 2 P R / (P + R) of P = both / fired and R = both / on
    f1 = 2 * both / np.maximum(fired + on[best], 1)
    return [
        matched,
        f1.mean(),
        1 - missed[0] / spread,
        (fired == 0).mean(),
        fired.sum() / len(test),
    ]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path, help="what `--export` has written")
    parser.add_argument("--kinds", default="topk,batchtopk,jumprelu,l1")
    parser.add_argument("--seeds", default="1,2,3")
    parser.add_argument("--norm", type=float, default=0.1, help="of first atoms; 0.1 is SAELens' own")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--samples", type=int, help="train on the first of them only")
    parser.add_argument("--set", action="append", default=[], help="another setting: l1=0.5")
    taken = parser.parse_args()
    torch.set_num_threads(taken.threads)
    given = json.loads((taken.folder / "settings.json").read_text())
    given |= {name: float(value) for name, value in (pair.split("=") for pair in taken.set)}
    train, test, is_on, features = (
        np.load(taken.folder / f"{name}.npy", mmap_mode="r")
        for name in ("train", "test", "on", "features")
    )
    train = train[: taken.samples]
    print(f"sae-lens {__version__}, torch {torch.__version__}, {given}")
    for kind in taken.kinds.split(","):
        rows = []
        for seed in taken.seeds.split(","):
            begin = time.perf_counter()
            first = np.load(taken.folder / f"first-{seed}.npy")
            first *= taken.norm / np.linalg.norm(first, axis=1, keepdims=True)
            sae = trained(kind, given, train, first)
            seconds = time.perf_counter() - begin
            rows.append(measured(sae, kind, test, is_on, features))
            values = ", ".join(f"{name} {value:.4f}" for name, value in zip(MEASURES, rows[-1]))
            print(f"{kind}, seed {seed}: {values}; {seconds:.0f} s", flush=True)
        if len(rows) > 1:
            columns = [(statistics.mean(c), statistics.stdev(c)) for c in zip(*rows)]
            means = ", ".join(f"{n} {m:.4f} ± {s:.4f}" for n, (m, s) in zip(MEASURES, columns))
            print(f"{kind}, mean: {means}", flush=True)


if __name__ == "__main__":
    main()
