"""The objectives of the regularized autoencoders: their constants, and each as a formula in NumPy.

A peer computes its objective with known draws and asks here whether it is right;
`benches/regularized.rs` has the same constants. All are means over samples of a loss that is summed
over features, plus the penalty.
"""

import numpy as np

import common
import images

# p′ and β of β Σⱼ KL(p′ ‖ pⱼ), where p is the mean code of the batch.
SPARSE_TARGET, SPARSE_WEIGHT = 0.05, 0.1
CONTRACTIVE_WEIGHT = 0.1  # λ of λ ‖∂h/∂x‖²
MASKED = 0.3  # the share of inputs that are set to 0
# The weight of KL(q ‖ N(0, I)) beside the Bernoulli likelihood is 1.


def layers(taken):
    """Inputs and outputs of each layer, and its taps; a variational encoder has two heads."""
    if taken.objective in images.NETS:
        return images.drawn_for(images.NETS[taken.objective])
    pairs = list(zip(taken.sizes, taken.sizes[1:]))
    return pairs[:2] + pairs[1:] if taken.objective == "variational" else pairs


def known_draw(taken, samples, is_zero):
    """What `draw` of a peer gives in a training, here known, or without any effect."""
    if taken.objective == "variational":
        shape = samples, taken.sizes[2]
        return np.zeros(shape, np.float32) if is_zero else common.noise(*shape) * 2 - 1
    if taken.objective == "denoising":
        kept = common.noise(samples, taken.sizes[0]) >= MASKED
        return kept | is_zero
    return None


def sigmoid(a):
    return 1 / (1 + np.exp(-a))


def formula(objective, net, x, drawn):
    """The objective, in double precision; `net` are weights (inputs × outputs) and biases."""
    net = [(weights.astype(float), bias.astype(float)) for weights, bias in net]
    x = x.astype(float)
    if objective in images.NETS:
        return images.formula(images.NETS[objective], x, net)

    def affine(at, x):
        weights, bias = net[at]
        return x @ weights + bias

    if objective == "variational":
        hidden = np.maximum(affine(0, x), 0)
        mean, log_variance = affine(1, hidden), affine(2, hidden)
        code = mean + np.exp(log_variance / 2) * drawn
        logits = affine(4, np.maximum(affine(3, code), 0))
        loss = (np.logaddexp(0, logits) - x * logits).sum(1)
        divergence = -0.5 * (1 + log_variance - mean**2 - np.exp(log_variance)).sum(1)
        return (loss + divergence).mean()
    code = sigmoid(affine(0, x * drawn if objective == "denoising" else x))
    loss = 0.5 * ((sigmoid(affine(1, code)) - x) ** 2).sum(1).mean()
    if objective == "sparse":
        p, target = code.mean(0), SPARSE_TARGET
        kl = target * np.log(target / p) + (1 - target) * np.log((1 - target) / (1 - p))
        loss += SPARSE_WEIGHT * kl.sum()
    if objective == "contractive":
        # h = sigmoid(z) has the Jacobian diag(s′(z)) Wᵀ: its squared norm, element by element.
        slopes, weights = code * (1 - code), net[0][0]
        loss += CONTRACTIVE_WEIGHT * np.einsum("nj,ij->n", slopes**2, weights**2).mean()
    return loss


def check(taken, x, objective):
    """Compares a peer's `objective(x, drawn)` at the shared parameters with the formula.

    Gives its value without draws.
    """
    net = common.shared_parameters(layers(taken))
    for is_zero in (False, True):
        drawn = known_draw(taken, len(x), is_zero)
        found, expected = objective(x, drawn), formula(taken.objective, net, x, drawn)
        assert abs(found - expected) < 1e-5 * abs(expected), f"{found} in place of {expected}"
    return found
