import numpy as np
from safetensors import safe_open

def encode(path, x):  # x: samples × features
    with safe_open(path, "numpy") as file:
        lines = file.metadata()["architecture"].split("\n")
        for line in (l for l in lines if l.startswith("encoder.") and ".weight " in l):
            name, kind = line.split("  ")[0], line.split("  ")[1]
            weight, bias = file.get_tensor(name), file.get_tensor(name.replace("weight", "bias"))
            x = {"Dense(Sigmoid)": lambda z: 1 / (1 + np.exp(-z)), "Dense(Tanh)": np.tanh,
                 "Dense(Relu)": lambda z: np.maximum(z, 0), "Dense(Identity)": lambda z: z}[kind](x @ weight.T + bias)
        return x
