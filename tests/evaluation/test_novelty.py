"""Novelty scores against their formulas, fitted and judged on clouds of features."""

import numpy as np
import pytest
import torch
from pytorch_ood.detector import Mahalanobis
from sklearn.neighbors import NearestNeighbors
from torch import nn

from lib.evaluation.classification import Predictions, probabilities
from lib.evaluation.map_distance import Reading, fit_gallery
from lib.evaluation.novelty import SCORES, fit_novelty, known_limit
from lib.evaluation.novelty_detection import auroc

CENTRES = np.eye(3, 8) * 6


def cloud(head: nn.Linear, centres: np.ndarray, seed: int) -> Predictions:
    rng = np.random.default_rng(seed)
    features = (centres + rng.normal(size=centres.shape)).astype(np.float32)
    with torch.no_grad():
        # maps with a place of their own: twelve numbers for the eight features
        maps = np.concatenate([features, features[:, :4] ** 2], 1)
        return Predictions(head(torch.from_numpy(features)).numpy(), features, {2: maps})


@pytest.fixture
def head(generator):
    head = nn.Linear(8, 3)
    with torch.no_grad():
        head.weight.copy_(torch.eye(3, 8) + 0.01 * torch.randn(3, 8, generator=generator))
        head.bias.copy_(torch.tensor([0.1, -0.2, 0.0]))
    return head


@pytest.fixture
def labels(rng):
    return rng.integers(0, 3, 400)


@pytest.fixture
def train(head, labels):
    return cloud(head, CENTRES[labels], seed=1)


@pytest.fixture
def fitted(train, labels, head):
    return fit_novelty(train, labels, head, reading=Reading(2, 3), neighbours=10)


def test_logit_scores_are_their_formulas(fitted, train):
    scores = fitted(train)
    assert tuple(scores) == SCORES
    z = train.logits.astype(np.float64)
    np.testing.assert_allclose(scores["msp"], -probabilities(z).max(1))
    np.testing.assert_allclose(scores["energy"], -np.log(np.exp(z).sum(1)))
    np.testing.assert_allclose(scores["max_logit"], -z.max(1))


def test_the_map_score_is_the_gallerys_and_only_where_a_map_is_read(fitted, train, labels, head):
    gallery = fit_gallery(train.maps[2], Reading(2, 3), most=20_000)
    np.testing.assert_allclose(fitted(train)["knn_map"], gallery(train.maps[2]))
    assert tuple(fit_novelty(train, labels, head)(train)) == SCORES[:-1]


def test_sure_images_are_not_tied(fitted):
    """In float32 both probabilities would be exactly 1."""
    logits = np.array([[20.0, 0, 0], [30.0, 0, 0]], np.float32)
    blank = np.zeros((2, 12), np.float32)
    scores = fitted(Predictions(logits, blank[:, :8], {2: blank}))["msp"]
    assert scores[0] > scores[1]


def test_knn_is_the_distance_to_the_tenth_direction(fitted, train, head):
    new = cloud(head, np.zeros((20, 8)), seed=2)
    unit = [x / np.linalg.norm(x, axis=1, keepdims=True) for x in (train.features, new.features)]
    distances, _ = NearestNeighbors(n_neighbors=10).fit(unit[0]).kneighbors(unit[1])
    np.testing.assert_allclose(fitted(new)["knn"], distances[:, -1], rtol=1e-4)


def test_vim_is_its_formula(fitted, train, head):
    """Residual beyond the principal directions, scaled to the logits, minus the energy."""
    weight, bias = (x.detach().double().numpy() for x in (head.weight, head.bias))
    origin = -np.linalg.pinv(weight) @ bias
    centred = train.features - origin
    _, _, directions = np.linalg.svd(centred, full_matrices=True)
    rest = directions[4:].T  # half of the eight dimensions
    alpha = train.logits.max(1).mean() / np.linalg.norm(centred @ rest, axis=1).mean()
    new = cloud(head, np.zeros((20, 8)), seed=2)
    virtual = alpha * np.linalg.norm((new.features - origin) @ rest, axis=1)
    energy = np.log(np.exp(new.logits.astype(np.float64)).sum(1))
    np.testing.assert_allclose(fitted(new)["vim"], virtual - energy, rtol=1e-3)


def test_mahalanobis_is_the_librarys_where_that_is_well_posed(fitted, train, labels, head):
    theirs = Mahalanobis(None).fit_features(
        torch.from_numpy(train.features), torch.from_numpy(labels)
    )
    new = cloud(head, np.zeros((20, 8)), seed=2)
    wanted = theirs.predict_features(torch.from_numpy(new.features)).numpy()
    # it leaves the covariance undivided by the number of images
    np.testing.assert_allclose(fitted(new)["mahalanobis"], wanted * len(labels), rtol=1e-3)


@pytest.mark.parametrize("name", SCORES)
def test_each_score_finds_what_lies_between_the_classes(fitted, head, labels, name):
    """New features have the length of known ones, in directions no class has."""
    known = cloud(head, CENTRES[labels], seed=3)
    away = np.zeros((200, 8))
    away[:, 3 + np.arange(200) % 5] = 6 / np.sqrt(5)
    away[:, :3] = 0.8
    new = cloud(head, away, seed=4)
    assert auroc(fitted(known)[name], fitted(new)[name]) > 0.9


def test_features_of_low_rank_break_no_score(head, labels):
    """As a strong L1 penalty leaves them: features that never fire, others that are copies."""
    features = cloud(head, CENTRES[labels], seed=1).features
    features[:, 5:] = 0
    features[:, 4] = features[:, 3]
    with torch.no_grad():
        flat = Predictions(head(torch.from_numpy(features)).numpy(), features)
    fitted = fit_novelty(flat, labels, head)
    for name, scores in fitted(flat).items():
        assert np.isfinite(scores).all(), name
        assert np.abs(scores).max() < 1e3, name
    assert (fitted(flat)["mahalanobis"] >= 0).all()


def test_the_choice_of_training_images_is_seeded(train, labels, head):
    first, again, other = (
        fit_novelty(train, labels, head, neighbours=5, most=50, seed=seed)(train)
        for seed in (0, 0, 1)
    )
    np.testing.assert_array_equal(first["knn"], again["knn"])
    assert (first["knn"] != other["knn"]).any()


def test_known_limit_accepts_its_share(rng):
    scores = rng.normal(size=20)
    limit = known_limit(scores)
    assert (scores <= limit).sum() == 19
    assert limit in scores
    assert known_limit(scores, accepted=1.0) == scores.max()
    assert known_limit(np.ones(7), accepted=0.01) == 1


def test_mistakes_are_named(train, labels, head):
    with pytest.raises(ValueError, match="neighbours is 401, but there are 400 training images"):
        fit_novelty(train, labels, head, neighbours=401)
    with pytest.raises(ValueError, match="classes \\[1\\] have no training image"):
        fit_novelty(train, labels * 0 + 2 * (labels > 0), head)
    with pytest.raises(ValueError, match="head has \\[3, 8\\] weights and bias True, train has 4"):
        fit_novelty(Predictions(train.logits, train.features[:, :4]), labels, head)
    with pytest.raises(ValueError, match="head has \\[3, 8\\] weights and bias False"):
        fit_novelty(train, labels, nn.Linear(8, 3, bias=False))
    with pytest.raises(ValueError, match="accepted is 0.0 for 3 scores"):
        known_limit(np.ones(3), accepted=0.0)
