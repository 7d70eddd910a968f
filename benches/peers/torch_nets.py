"""The nets and objectives in PyTorch as its users write them; `draw` is what is new in each step."""

import torch
from torch import nn
from torch.nn import functional as F

import common
from objectives import CONTRACTIVE_WEIGHT, MASKED, SPARSE_TARGET, SPARSE_WEIGHT, layers


def linear(*parameters):
    """A layer of these weights (inputs × outputs) and biases; of several, side by side."""
    weights = torch.cat([torch.from_numpy(weights) for weights, _ in parameters], 1)
    layer = nn.Linear(*weights.shape)
    layer.weight.data = weights.T.contiguous()
    layer.bias.data = torch.cat([torch.from_numpy(bias) for _, bias in parameters])
    return layer


class Plain(nn.Sequential):
    """Sigmoid after every layer; half the squared error summed over features, mean over samples."""

    def __init__(self, taken):
        layers = [nn.Linear(*pair) for pair in zip(taken.sizes, taken.sizes[1:])]
        super().__init__(*[module for layer in layers for module in (layer, nn.Sigmoid())])

    def draw(self, x):
        return None

    def loss(self, x, drawn):
        return 0.5 * (self(x) - x).square().sum() / x.shape[0]


class Shallow(nn.Module):
    """One hidden layer of sigmoid units, and as many outputs as inputs."""

    def __init__(self, taken):
        super().__init__()
        self.encoder, self.decoder = map(linear, common.shared_parameters(layers(taken)))

    def draw(self, x):
        return None

    def encode(self, x):
        return torch.sigmoid(self.encoder(x))

    def error(self, x, code):
        return 0.5 * (torch.sigmoid(self.decoder(code)) - x).square().sum() / x.shape[0]


class Sparse(Shallow):
    def loss(self, x, drawn):
        code = self.encode(x)
        p, target = code.mean(0), SPARSE_TARGET
        kl = target * torch.log(target / p) + (1 - target) * torch.log((1 - target) / (1 - p))
        return self.error(x, code) + SPARSE_WEIGHT * kl.sum()


class Contractive(Shallow):
    def loss(self, x, drawn):
        code = self.encode(x)
        norms = self.encoder.weight.square().sum(1)
        jacobian = ((code * (1 - code)).square() @ norms).mean()
        return self.error(x, code) + CONTRACTIVE_WEIGHT * jacobian


class Denoising(Shallow):
    def draw(self, x):
        return torch.rand_like(x) >= MASKED

    def loss(self, x, drawn):
        return self.error(x, self.encode(x * drawn))


class Variational(nn.Module):
    """ReLU, both heads as one layer, logits as outputs."""

    def __init__(self, taken):
        super().__init__()
        body, mean, log_variance, hidden, logits = common.shared_parameters(layers(taken))
        self.body, self.heads = linear(body), linear(mean, log_variance)
        self.decoder = nn.Sequential(linear(hidden), nn.ReLU(), linear(logits))
        self.units = taken.sizes[2]

    def encode(self, x):
        return self.heads(F.relu(self.body(x))).chunk(2, 1)

    def draw(self, x):
        return torch.randn(x.shape[0], self.units)

    def loss(self, x, drawn):
        mean, log_variance = self.encode(x)
        logits = self.decoder(mean + torch.exp(0.5 * log_variance) * drawn)
        error = F.binary_cross_entropy_with_logits(logits, x, reduction="sum")
        kl = -0.5 * (1 + log_variance - mean.square() - log_variance.exp()).sum()
        return (error + kl) / x.shape[0]


NETS = {
    "plain": Plain,
    "sparse": Sparse,
    "contractive": Contractive,
    "denoising": Denoising,
    "variational": Variational,
}
