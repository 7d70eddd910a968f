//! Values and gradients computed by other means.
//!
//! Losses and penalties, by numpy 2:
//! ```python
//! import numpy as np
//! # Row-major here; W1 is 2x3, W2 is 3x2, samples are the columns of X.
//! W1 = np.array([[0.5, -0.3, 0.8], [-0.6, 0.2, 0.4]]); b1 = np.array([0.1, -0.2])
//! W2 = np.array([[0.7, -0.5], [0.3, 0.9], [-0.4, 0.6]]); b2 = np.array([0.05, -0.1, 0.2])
//! X = np.array([[0.2, 0.9], [0.7, 0.1], [0.4, 0.6]]); m = X.shape[1]
//! def sigmoid(z): return 1 / (1 + np.exp(-z))
//! def run(act, loss, penalty, p=0.2, beta=0.7, lam=0.3, delta=0.25):
//!     Z = W1 @ X + b1[:, None]
//!     H = sigmoid(Z) if act == "sigmoid" else np.tanh(Z)
//!     d1 = H * (1 - H) if act == "sigmoid" else 1 - H**2
//!     d2 = d1 * (1 - 2 * H) if act == "sigmoid" else -2 * H * d1
//!     Y = W2 @ H + b2[:, None]
//!     if loss == "squared": L = 0.5 * ((X - Y)**2).sum() / m; dY = (Y - X) / m
//!     if loss == "bernoulli":
//!         L = (-X * np.log(sigmoid(Y)) - (1 - X) * np.log(1 - sigmoid(Y))).sum() / m; dY = (sigmoid(Y) - X) / m
//!     if loss == "huber":
//!         E = Y - X; small = abs(E) <= delta
//!         L = np.where(small, 0.5 * E**2, delta * (abs(E) - delta / 2)).sum() / m
//!         dY = np.clip(E, -delta, delta) / m
//!     dH = W2.T @ dY; P = 0.0; dW1 = 0.0
//!     if penalty == "sparse":
//!         lo = 0.0 if act == "sigmoid" else -1.0
//!         r = (H.mean(axis=1) - lo) / (1 - lo)
//!         P = beta * (p * np.log(p / r) + (1 - p) * np.log((1 - p) / (1 - r))).sum()
//!         dH = dH + (beta / (m * (1 - lo)) * (-p / r + (1 - p) / (1 - r)))[:, None]
//!     if penalty == "l1": P = lam * abs(H).sum() / m; dH = dH + lam * np.sign(H) / m
//!     dZ = dH * d1
//!     if penalty == "contractive":
//!         n = (W1**2).sum(axis=1)
//!         P = lam * ((d1**2) * n[:, None]).sum() / m
//!         dW1 = lam / m * 2 * W1 * (d1**2).sum(axis=1)[:, None]
//!         dZ = dZ + lam / m * 2 * n[:, None] * d1 * d2
//!     dW1 = dW1 + dZ @ X.T; dW2 = dY @ H.T
//!     if penalty == "decay": P = lam / 2 * ((W1**2).sum() + (W2**2).sum()); dW1 = dW1 + lam * W1; dW2 = dW2 + lam * W2
//!     g = np.concatenate([dW1.ravel("F"), dZ.sum(axis=1), dW2.ravel("F"), dY.sum(axis=1)])
//!     print(f'    (golden!({act}, {loss}, {penalty}), {float(L)!r}, {float(P)!r}, [' + ", ".join(repr(float(v)) for v in g) + "]),")
//! for case in [("sigmoid","squared","none"),("tanh","squared","none"),("sigmoid","bernoulli","none"),("tanh","bernoulli","none"),("sigmoid","huber","none"),
//!              ("sigmoid","squared","sparse"),("tanh","squared","sparse"),("sigmoid","squared","contractive"),("tanh","squared","contractive"),("tanh","squared","l1"),("sigmoid","squared","decay"),("tanh","bernoulli","contractive")]:
//!     run(*case)
//! ```
//! A variational model whose mean is taken as the code, by numpy 2:
//! ```python
//! import numpy as np
//! Wb = np.array([[0.5, -0.3, 0.8], [-0.6, 0.2, 0.4]]); bb = np.array([0.1, -0.2])
//! Wm = np.array([[0.9, -0.7], [0.2, 0.4]]); bm = np.array([0.3, -0.1])
//! Wv = np.array([[-0.8, 0.6], [1.1, 0.5]]); bv = np.array([-0.4, 0.2])
//! Wd = np.array([[0.7, -0.5], [0.3, 0.9], [-0.4, 0.6]]); bd = np.array([0.05, -0.1, 0.2])
//! X = np.array([[0.2, 0.9], [0.7, 0.1], [0.4, 0.6]]); m = 2; beta = 0.7
//! H = np.tanh(Wb @ X + bb[:, None]); M = Wm @ H + bm[:, None]; V = Wv @ H + bv[:, None]
//! Y = Wd @ M + bd[:, None]
//! L = 0.5 * ((X - Y)**2).sum() / m
//! P = -beta / 2 * (1 + V - M**2 - np.exp(V)).sum() / m
//! dY = (Y - X) / m; dM = Wd.T @ dY + beta / m * M; dV = beta / m * (np.exp(V) - 1) / 2
//! dB = (Wm.T @ dM + Wv.T @ dV) * (1 - H**2)
//! def flat(d, a): return np.concatenate([(d @ a.T).ravel("F"), d.sum(axis=1)])
//! g = np.concatenate([flat(dB, X), flat(dM, H), flat(dV, H), flat(dY, M)])
//! print(float(L), float(P), [float(v) for v in g])
//! ```
//! Trajectories of optimizers, in plain Python:
//! ```python
//! import math
//! G = [0.5, -1.0, 0.25, 0.0, 2.0]
//! def sgd(p, mu, nesterov, wd):
//!     v = 0.0
//!     for g in G:
//!         g += wd * p; v = mu * v + g; p -= 0.1 * ((g + mu * v) if nesterov else v)
//!     return p
//! def adam(p, wd, b1=0.9, b2=0.999, eps=1e-8):
//!     m = v = 0.0
//!     for t, g in enumerate(G, 1):
//!         p *= 1 - 0.1 * wd
//!         m = b1 * m + (1 - b1) * g; v = b2 * v + (1 - b2) * g * g
//!         p -= 0.1 * (m / (1 - b1**t)) / (math.sqrt(v / (1 - b2**t)) + eps)
//!     return p
//! def rms(p, wd, rho=0.9, eps=1e-8, mu=0.0):
//!     r = v = 0.0
//!     for g in G:
//!         g += wd * p; r = rho * r + (1 - rho) * g * g; v = mu * v + g / (math.sqrt(r) + eps); p -= 0.1 * v
//!     return p
//! print(rms(1.0,0), rms(1.0,0,mu=0.9), rms(1.0,0.05,0.5,1e-3,0.9), rms(1.0,0,0.5,1e-3,0.9), rms(1.0,0.3,0.99,1e-2), sep=", ")
//! print(sgd(1.0,0,False,0), sgd(1.0,0.9,False,0), sgd(1.0,0.9,True,0), sgd(1.0,0.9,True,0.05), adam(1.0,0), adam(1.0,0.2), adam(1.0,0,0.5,0.9,1e-3), sep=", ")
//! ```
//! Noise of a seed, in plain Python:
//! ```python
//! import math, struct
//! def block(key):   # ChaCha with 8 rounds, counter and stream 0 (D. Bernstein, 2008)
//!     s = list(struct.unpack("<16I", b"expand 32-byte k" + key + bytes(16))); x = s[:]
//!     def quarter(a, b, c, d):
//!         for p, q, r, n in ((a, b, d, 16), (c, d, b, 12), (a, b, d, 8), (c, d, b, 7)):
//!             x[p] = (x[p] + x[q]) % 2**32; v = x[r] ^ x[p]; x[r] = (v << n | v >> 32 - n) % 2**32
//!     for _ in range(4):
//!         for k in range(4): quarter(k, 4 + k, 8 + k, 12 + k)
//!         for k in range(4): quarter(k, 4 + (k + 1) % 4, 8 + (k + 2) % 4, 12 + (k + 3) % 4)
//!     return struct.pack("<16I", *((a + b) % 2**32 for a, b in zip(s, x)))
//! w = struct.unpack("<8Q", block(struct.pack("<4Q", 7, 2**64 - 1, 0, 0)))   # seeded(7)
//! u = [((w >> 11) + 0.5) / 2**53 for w in w]   # three radii, three angles
//! r = [math.sqrt(-2 * math.log(u)) for u in u[:3]]; t = [2 * math.pi * u for u in u[3:6]]
//! n = [r * math.cos(t) for r, t in zip(r, t)] + [r * math.sin(t) for r, t in zip(r, t)]
//! print([1 + 0.5 * n for n in n])
//! ```
//! Rising momentum as the paper has it, with θ, v and the gradient taken at θ + μ v:
//! ```python
//! def mu(t, most, late):
//!     m = min(1 - 2 ** (-1 - math.log2(t // 250 + 1)), most)
//!     return min(m, 0.9) if t >= late else m
//! def paper(nesterov, most, late, steps, rate=0.02):
//!     theta, v = 1.0, 0.0
//!     for t in range(steps):
//!         at = theta + mu(t, most, late) * v if nesterov else theta
//!         g = at + 0.3 * math.sin(5 * at + 0.1 * t)
//!         v = mu(t, most, late) * v - rate * g
//!         theta += v
//!     return theta + mu(steps, most, late) * v if nesterov else theta
//! for n in (True, False):
//!     for most, late in ((0.99, 10**9), (0.8, 10**9), (0.999, 2600)):
//!         print([paper(n, most, late, s) for s in (1, 3, 260, 760, 2700)])
//! ```

use autoencoder::activation::{Identity, Sigmoid, Tanh};
use autoencoder::corruption::{Corruption, Gaussian as GaussianNoise};
use autoencoder::optimizer::Step;
use autoencoder::parameters::Role;
use autoencoder::random::seeded;
use autoencoder::*;
use common::GOLDEN;

/// W1, b1, W2, b2 column by column, as in the script.
const PARAMETERS: [f64; 17] =
    [0.5, -0.6, -0.3, 0.2, 0.8, 0.4, 0.1, -0.2, 0.7, 0.3, -0.4, -0.5, 0.9, 0.6, 0.05, -0.1, 0.2];

macro_rules! golden {
    ($activation:expr, $loss:expr, $regularizer:expr, $value:expr, $penalty:expr, $gradient:expr) => {{
        let mut model = AutoEncoder::builder()
            .encoder(Dense::<3, 2>::new($activation))
            .decoder(Dense::<2, 3>::new(Identity))
            .regularizer($regularizer)
            .loss($loss)
            .build::<f64>()
            .unwrap();
        model.set_parameters(&PARAMETERS).unwrap();
        let x = Batch::from_iter([[0.2, 0.7, 0.4], [0.9, 0.1, 0.6]]);
        let mut gradient = [0.0; 17];
        let terms = model.objective(&x, None, Some(&mut gradient)).unwrap();
        let case = stringify!($activation, $loss, $regularizer);
        let near = |found: f64, expected: f64| {
            assert!((found - expected).abs() <= GOLDEN, "{case}: {found}, not {expected}");
        };
        near(terms.reconstruction(), $value);
        near(terms.total() - terms.reconstruction(), $penalty);
        let expected: [f64; 17] = $gradient;
        gradient.iter().zip(expected).for_each(|(&found, expected)| near(found, expected));
    }};
}

#[test]
#[allow(clippy::excessive_precision)]
fn losses_and_penalties() {
    golden!(
        Sigmoid,
        SquaredError,
        NoRegularizer,
        0.169388010709703,
        0.0,
        [
            -0.006668663720854527,
            0.027184024111699137,
            -0.00045185666158041967,
            -0.017878693255564564,
            -0.004332029201154133,
            0.0099000701329675,
            -0.007077865402654115,
            0.006221851128072602,
            -0.19168290197607432,
            0.08047967325826637,
            -0.20784679309312243,
            -0.09961518026803941,
            0.024539603682541853,
            -0.12160928519180453,
            -0.2615327290559699,
            0.09095510731514583,
            -0.2984130803851849
        ]
    );
    golden!(
        Tanh,
        SquaredError,
        NoRegularizer,
        0.4346568215838875,
        0.0,
        [
            0.03664764015486832,
            -0.4033136331867901,
            -0.00711236090943218,
            -0.34614597198039837,
            0.020031371541944655,
            -0.387433137518485,
            0.027885133534948307,
            -0.7939186234399229,
            -0.02514334421140535,
            -0.25143004826698534,
            -0.4201795024326947,
            0.020217457815123782,
            0.09053358840872737,
            0.2202813246600801,
            -0.011728825411625704,
            -0.5505037368384069,
            -0.652278533823297
        ]
    );
    golden!(
        Sigmoid,
        BernoulliCrossEntropy,
        NoRegularizer,
        2.1302464195582065,
        0.0,
        [
            0.000713328361945991,
            0.05778009829187097,
            0.01311192966114907,
            -0.0055979152830613645,
            0.005603160485598778,
            0.03379170111963318,
            0.015748111114708106,
            0.0504090463557043,
            -0.0113683902735612,
            0.16670116453103648,
            0.02387116248951526,
            0.028029128885299643,
            0.08008800672900807,
            0.028547164329552403,
            0.021502633544823208,
            0.22030980262610728,
            0.05017482350244268
        ]
    );
    golden!(
        Tanh,
        BernoulliCrossEntropy,
        NoRegularizer,
        1.9866343953479935,
        0.0,
        [
            0.01921707865273031,
            0.0738532741664886,
            0.04780908405540172,
            -0.09331280161089728,
            0.030781426330055626,
            0.009293724256803802,
            0.07376492791872032,
            -0.034437699389729404,
            -0.024314208892691452,
            0.09538631690890974,
            -0.055558229050457715,
            0.042892725686540886,
            -0.07203743082102206,
            0.041677820739937164,
            0.07923744797365381,
            0.06258498979743041,
            -0.037542338568029715
        ]
    );
    golden!(
        Sigmoid,
        Huber::new(0.25).unwrap(),
        NoRegularizer,
        0.13531232901825313,
        0.0,
        [
            8.530995956166519e-05,
            0.01508522996273533,
            0.000298584858465824,
            -0.01922300371656054,
            0.00017061991912332872,
            0.0018342073669916303,
            0.0004265497978083211,
            -0.007221253481887183,
            -0.08955948043568303,
            0.03904894373446781,
            -0.1299626792230149,
            -0.04621741426027967,
            0.002876518297495502,
            -0.08088564290262765,
            -0.12184020026878387,
            0.03428286416680709,
            -0.1918770022284092
        ]
    );
    golden!(
        Sigmoid,
        SquaredError,
        SparseKl::new(0.2, 0.7).unwrap(),
        0.169388010709703,
        0.3918864068448844,
        [
            0.15185346040958891,
            0.11622637794259927,
            0.13332302602759005,
            0.04948253062842758,
            0.14705219869223837,
            0.09187185404755793,
            0.3023576958443711,
            0.17110425935321127,
            -0.19168290197607432,
            0.08047967325826637,
            -0.20784679309312243,
            -0.09961518026803941,
            0.024539603682541853,
            -0.12160928519180453,
            -0.2615327290559699,
            0.09095510731514583,
            -0.2984130803851849
        ]
    );
    golden!(
        Tanh,
        SquaredError,
        SparseKl::new(0.2, 0.7).unwrap(),
        0.4346568215838875,
        0.554049079145624,
        [
            0.3453415496292407,
            -0.27829434760863725,
            0.3671268298352094,
            -0.2402581891933277,
            0.35957414429436346,
            -0.2678915040945587,
            0.7609732961675262,
            -0.5494382639352652,
            -0.02514334421140535,
            -0.25143004826698534,
            -0.4201795024326947,
            0.020217457815123782,
            0.09053358840872737,
            0.2202813246600801,
            -0.011728825411625704,
            -0.5505037368384069,
            -0.652278533823297
        ]
    );
    golden!(
        Sigmoid,
        SquaredError,
        Contractive::new(0.3).unwrap(),
        0.169388010709703,
        0.024373407622483172,
        [
            0.002801227031405052,
            0.007905920821623065,
            -0.01170369123726249,
            -0.010489758946365413,
            0.015015940334091876,
            0.02545538190806118,
            -0.015023289854105113,
            0.008532873281324887,
            -0.19168290197607432,
            0.08047967325826637,
            -0.20784679309312243,
            -0.09961518026803941,
            0.024539603682541853,
            -0.12160928519180453,
            -0.2615327290559699,
            0.09095510731514583,
            -0.2984130803851849
        ]
    );
    golden!(
        Tanh,
        SquaredError,
        Contractive::new(0.3).unwrap(),
        0.4346568215838875,
        0.2853974971237133,
        [
            0.08691991004961304,
            -0.6107252602355776,
            -0.207714683527983,
            -0.23339427049106812,
            0.15511825751930214,
            -0.13017616748283173,
            -0.19730550102370786,
            -0.6910366460108772,
            -0.02514334421140535,
            -0.25143004826698534,
            -0.4201795024326947,
            0.020217457815123782,
            0.09053358840872737,
            0.2202813246600801,
            -0.011728825411625704,
            -0.5505037368384069,
            -0.652278533823297
        ]
    );
    golden!(
        Tanh,
        SquaredError,
        CodeL1::new(0.3).unwrap(),
        0.4346568215838875,
        0.22924082956681943,
        [
            0.12063630279248659,
            -0.5414186328282031,
            0.09470969703381478,
            -0.4631169827825423,
            0.11241331532665648,
            -0.5194871415451268,
            0.22734191737567588,
            -1.0639886354831172,
            -0.02514334421140535,
            -0.25143004826698534,
            -0.4201795024326947,
            0.020217457815123782,
            0.09053358840872737,
            0.2202813246600801,
            -0.011728825411625704,
            -0.5505037368384069,
            -0.652278533823297
        ]
    );
    golden!(
        Sigmoid,
        SquaredError,
        WeightDecay::new(0.3).unwrap(),
        0.169388010709703,
        0.555,
        [
            0.14333133627914546,
            -0.15281597588830087,
            -0.09045185666158041,
            0.042121306744435434,
            0.23566797079884585,
            0.1299000701329675,
            -0.007077865402654115,
            0.006221851128072602,
            0.01831709802392567,
            0.17047967325826635,
            -0.3278467930931224,
            -0.24961518026803942,
            0.2945396036825419,
            0.058390714808195465,
            -0.2615327290559699,
            0.09095510731514583,
            -0.2984130803851849
        ]
    );
    golden!(
        Tanh,
        BernoulliCrossEntropy,
        Contractive::new(0.3).unwrap(),
        1.9866343953479935,
        0.2853974971237133,
        [
            0.06948934854747502,
            -0.13355835288229892,
            -0.15279323856314914,
            0.019438899878433016,
            0.1658683123074131,
            0.26655069429245704,
            -0.15142570663993588,
            0.06844427803931616,
            -0.024314208892691452,
            0.09538631690890974,
            -0.055558229050457715,
            0.042892725686540886,
            -0.07203743082102206,
            0.041677820739937164,
            0.07923744797365381,
            0.06258498979743041,
            -0.037542338568029715
        ]
    );
}

/// Cases whose value can be written down: μ = 1, σ = 1 gives ½; μ = 0, ln σ² = ln 4 gives ½ (4 − 1 − ln 4).
#[test]
fn gaussian_kl() {
    use autoencoder::posterior::Posterior;
    let mut posterior = Posterior::<f64>::new(1, true);
    posterior.resize(2);
    posterior.mean_mut().as_mut_slice().copy_from_slice(&[1.0, 0.0]);
    posterior.log_variance_mut().as_mut_slice().copy_from_slice(&[0.0, 4.0_f64.ln()]);
    let mut kl = [0.0; 2];
    posterior.kl_to_prior(&mut kl);
    assert!((kl[0] - 0.5).abs() <= GOLDEN);
    assert!((kl[1] - 0.5 * (3.0 - 4.0_f64.ln())).abs() <= GOLDEN);
}

/// Body, mean head, log-variance head and decoder, column by column, as in the script.
#[test]
fn variational() {
    let parameters = [
        0.5, -0.6, -0.3, 0.2, 0.8, 0.4, 0.1, -0.2, 0.9, 0.2, -0.7, 0.4, 0.3, -0.1, -0.8, 1.1, 0.6,
        0.5, -0.4, 0.2, 0.7, 0.3, -0.4, -0.5, 0.9, 0.6, 0.05, -0.1, 0.2,
    ];
    let mut model = AutoEncoder::builder()
        .encoder(Gaussian::new(
            Dense::<3, 2>::new(Tanh),
            Dense::<2, 2>::new(Identity),
            Dense::<2, 2>::new(Identity),
        ))
        .decoder(Dense::<2, 3>::new(Identity))
        .regularizer(Variational::new(0.7).unwrap())
        .build::<f64>()
        .unwrap();
    model.set_parameters(&parameters).unwrap();
    let x = Batch::from_iter([[0.2, 0.7, 0.4], [0.9, 0.1, 0.6]]);
    let mut gradient = [0.0; 29];
    let terms = model.objective(&x, None, Some(&mut gradient)).unwrap();
    assert!((terms.reconstruction() - 0.4375448137633233).abs() <= GOLDEN);
    assert!((terms.total() - terms.reconstruction() - 0.5913521253021518).abs() <= GOLDEN);
    let expected: [f64; 29] = [
        0.41005398826270695,
        -0.5113456836546749,
        0.267234561971178,
        -0.3335304750439632,
        0.3605849351031334,
        -0.4497683177038158,
        0.7099944038318833,
        -0.8857028569239003,
        0.6274372731404668,
        -0.41636978002100705,
        -0.32146035790784466,
        0.16176551641816708,
        1.0030361081086536,
        -0.8656870207776364,
        -0.12130544177234662,
        0.20361206054839037,
        0.05799210097001165,
        -0.10065700576135259,
        -0.21005458561538576,
        0.3397069793567634,
        0.1615761718016463,
        -0.14595479881062506,
        -0.7806889034005571,
        -0.014448887716654276,
        0.011216764251615862,
        0.07384271086385606,
        0.20229140775541113,
        -0.296011038852384,
        -0.728666395814675,
    ];
    for (index, (found, expected)) in gradient.iter().zip(expected).enumerate() {
        assert!((found - expected).abs() <= GOLDEN, "{index}: {found}, not {expected}");
    }
}

#[test]
fn optimizers() {
    let run = |optimizer: &dyn Optimizer<f64>, role| {
        let (mut p, mut state) = ([1.0], vec![0.0; optimizer.states()]);
        for (step, g) in [0.5, -1.0, 0.25, 0.0, 2.0].into_iter().enumerate() {
            let mut next = [g];
            let step = Step::new(step as u64 + 1, optimizer.rate(), role);
            optimizer.step(&step, &p, &mut state, &mut next);
            p = next;
        }
        p[0]
    };
    let sgd = Sgd::new(0.1).unwrap();
    let nesterov = sgd.nesterov(0.9).unwrap();
    let adam = Adam::new(0.1).unwrap();
    let decayed = nesterov.weight_decay(0.05).unwrap();
    let adam_w = AdamW::new(0.1, 0.2).unwrap();
    let other = adam.betas(0.5, 0.9).unwrap().epsilon(1e-3).unwrap();
    let rms = RmsProp::new(0.1).unwrap();
    let rms_other = rms.decay(0.5).unwrap().epsilon(1e-3).unwrap().momentum(0.9).unwrap();
    let rms_other = rms_other.weight_decay(0.05).unwrap();
    let rms_slow = rms.decay(0.99).unwrap().epsilon(1e-2).unwrap().weight_decay(0.3).unwrap();
    let expected: [(&dyn Optimizer<f64>, Role, f64); 14] = [
        (&rms, Role::Weight, 0.6117915651175576),
        (&rms.momentum(0.9).unwrap(), Role::Weight, 0.20464351536499664),
        (&rms_other, Role::Weight, 0.5715343932602239),
        (&rms_other, Role::Bias, 0.6208017009550441),
        (&rms_slow, Role::Weight, -0.43211101092676707),
        (&sgd, Role::Weight, 0.8250000000000002),
        (&sgd.momentum(0.9).unwrap(), Role::Weight, 0.8713949999999997),
        (&nesterov, Role::Weight, 0.7092555),
        (&decayed, Role::Weight, 0.6264075120046284),
        (&decayed, Role::Bias, 0.7092555),
        (&adam, Role::Weight, 0.9188230964766853),
        (&adam_w, Role::Weight, 0.827588863165665),
        (&adam_w, Role::Bias, 0.9188230964766853),
        (&other, Role::Weight, 0.886897723805132),
    ];
    for (optimizer, role, expected) in expected {
        let found = run(optimizer, role);
        assert!((found - expected).abs() <= GOLDEN, "{optimizer:?}: {found}, not {expected}");
    }
}

/// The generator, the transform and the order of its draws: a change of these is value-breaking.
#[test]
fn noise_of_a_seed() {
    let mut sample = [1.0_f64; 6];
    GaussianNoise::new(0.5).unwrap().corrupt(&mut sample, &mut seeded(7));
    let expected = [
        1.7717780650955819,
        1.1606438237028756,
        0.6949335197810113,
        1.0980202286666252,
        1.3346787643426221,
        1.6338723109101843,
    ];
    for (found, expected) in sample.iter().zip(expected) {
        assert!((found - expected).abs() <= GOLDEN, "{found}, not {expected}");
    }
}

/// Sums of 2,700 steps in another order.
const LONG: f64 = 1e-12;

#[test]
fn rising_momentum_is_that_of_the_paper() {
    let sgd = Sgd::new(0.02).unwrap();
    let kinds: [fn(Sgd, f64) -> Result<Sgd>; 2] = [Sgd::nesterov_schedule, Sgd::momentum_schedule];
    // After 1, 3, 260, 760 and 2,700 steps.
    let expected: [[[f64; 5]; 3]; 2] = [
        [
            [
                0.9786303184719682,
                0.9291928824665919,
                -0.03611425502159321,
                -0.024144692840759586,
                0.23170809212250695,
            ],
            [
                0.9786303184719682,
                0.9291928824665919,
                -0.03611425502159321,
                -0.004614200379548275,
                0.10559661654717196,
            ],
            [
                0.9786303184719682,
                0.9291928824665919,
                -0.03611425502159321,
                -0.024144692840759586,
                0.1709733039352103,
            ],
        ],
        [
            [
                0.9857535456479788,
                0.9404697860932263,
                -0.03139112780391483,
                -0.012742410445101753,
                0.11391603206225587,
            ],
            [
                0.9857535456479788,
                0.9404697860932263,
                -0.03139112780391483,
                0.006030947098780753,
                0.12245301171116241,
            ],
            [
                0.9857535456479788,
                0.9404697860932263,
                -0.03139112780391483,
                -0.012742410445101753,
                0.2115091143141034,
            ],
        ],
    ];
    for (kind, expected) in kinds.iter().zip(expected) {
        let settings = [
            kind(sgd, 0.99).unwrap(),
            kind(sgd, 0.8).unwrap(),
            kind(sgd, 0.999).unwrap().at_most_from(2600, 0.9).unwrap(),
        ];
        for (optimizer, expected) in settings.into_iter().zip(expected) {
            let (mut p, mut state) = ([1.0_f64], [0.0]);
            let mut expected = [1, 3, 260, 760, 2700].into_iter().zip(expected);
            let mut next = expected.next();
            for t in 0..2700_u64 {
                let mut gradient = [p[0] + 0.3 * (5.0 * p[0] + 0.1 * t as f64).sin()];
                let step = Step::new(t + 1, 0.02, Role::Weight);
                optimizer.step(&step, &p, &mut state, &mut gradient);
                p = gradient;
                if let Some((_, value)) = next.filter(|&(steps, _)| steps == t + 1) {
                    assert!(
                        (p[0] - value).abs() <= LONG,
                        "{optimizer:?}, {t}: {}, not {value}",
                        p[0]
                    );
                    next = expected.next();
                }
            }
            assert_eq!(next, None);
        }
    }
    let momentum = |t| sgd.nesterov_schedule(0.995).unwrap().momentum_at(t);
    assert_eq!(
        [0, 249, 250, 499, 750, 24_749, 24_750].map(momentum),
        [0.5, 0.5, 0.75, 0.75, 0.875, 1.0 - 1.0 / 198.0, 0.995]
    );
}
