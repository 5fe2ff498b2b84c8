"""Contrastive losses against naive loops, and what tells of collapse against closed forms."""

import math

import pytest
import torch
import torch.nn.functional as F

from lib.training.contrastive_loss import (
    dense_info_nce,
    effective_rank,
    info_nce,
    pooled,
    spread,
)


def unit(generator, *shape):
    return F.normalize(torch.randn(*shape, generator=generator, dtype=torch.float64), dim=-1)


def quotient(query, positive, negatives, temperature):
    """One pair's loss, and whether it is found, number by number."""
    against = [math.exp(float(query @ n) / temperature) for n in negatives]
    own = math.exp(float(query @ positive) / temperature)
    return -math.log(own / (own + sum(against))), own > max(against)


@pytest.mark.parametrize(("views", "images", "queued"), [(4, 5, 7), (3, 2, 0), (2, 3, 1)])
def test_info_nce_against_loops(generator, views, images, queued):
    q, k = unit(generator, views, images, 6), unit(generator, views, images, 6)
    queue = unit(generator, queued, 6)
    found = info_nce(q, k, queue, temperature=0.3)
    hits, cosines = [], []
    for i in range(images):
        losses = []
        for u in range(views):
            for w in range(views):
                if u == w:
                    continue
                negatives = [k[x, j] for x in range(views) for j in range(images) if j != i]
                loss, hit = quotient(q[u, i], k[w, i], [*negatives, *queue], 0.3)
                losses.append(loss)
                hits.append(hit)
                cosines.append(float(q[u, i] @ k[w, i]))
        assert float(found.per_image[i]) == pytest.approx(sum(losses) / len(losses))
    assert float(found.accuracy) == pytest.approx(sum(hits) / len(hits))
    assert float(found.similarity) == pytest.approx(sum(cosines) / len(cosines))


def test_dense_info_nce_against_loops(generator):
    v, b, n, t = 3, 3, 4, 0.5
    q, k = unit(generator, v, b, n, 5), unit(generator, v, b, n, 5)
    fq, fk = unit(generator, v, b, n, 8), unit(generator, v, b, n, 8)
    queue = unit(generator, 6, 5)
    found = dense_info_nce(q, k, fq, fk, queue, temperature=t)
    for i in range(b):
        losses = []
        for u in range(v):
            for w in [w for w in range(v) if w != u]:
                means = [k[x, j].mean(0) for x in range(v) for j in range(b) if j != i]
                negatives = [m / m.norm() for m in means]
                for place in range(n):
                    nearest = max(range(n), key=lambda o: float(fq[u, i, place] @ fk[w, i, o]))
                    loss, _ = quotient(q[u, i, place], k[w, i, nearest], [*negatives, *queue], t)
                    losses.append(loss)
        assert float(found.per_image[i]) == pytest.approx(sum(losses) / len(losses))


def test_the_loss_of_equal_embeddings_counts_the_negatives():
    same = F.normalize(torch.ones(4, 5, 8), dim=-1)
    found = info_nce(same, same, same[0, :3], temperature=0.2)
    # e^s / (e^s + (4 * 4 + 3) e^s)
    torch.testing.assert_close(found.per_image, torch.full((5,), math.log(20)))
    assert float(found.accuracy) == 0, "nothing stands out"


def test_gradients_pull_positives_and_push_negatives(generator):
    q = unit(generator, 2, 3, 4).requires_grad_()
    k, queue = unit(generator, 2, 3, 4), unit(generator, 2, 4).requires_grad_()
    k.requires_grad_()
    info_nce(q, k, queue, temperature=0.2).per_image[0].backward()
    # a small step against the gradient of a queue entry lowers its similarity to the queries
    lower = (queue - 0.01 * queue.grad) @ q[:, 0].detach().T
    assert bool((lower.sum(1) < (queue @ q[:, 0].detach().T).sum(1)).all())
    assert not q.grad[:, 1:].any(), "other images' queries have no part in it"


def test_pooled_is_the_mean_direction():
    places = torch.tensor([[[1.0, 0], [0, 1]], [[1, 0], [1, 0]]])
    half = 0.5**0.5
    torch.testing.assert_close(pooled(places), torch.tensor([[half, half], [1.0, 0]]))


class TestCollapse:
    def test_a_point_has_no_spread(self):
        vectors = F.normalize(torch.ones(9, 16), dim=1)
        assert float(spread(vectors)) == pytest.approx(0, abs=1e-6)
        assert effective_rank(vectors) == pytest.approx(1)

    def test_random_directions_spread_evenly(self, generator):
        vectors = unit(generator, 4000, 16)
        assert float(spread(vectors)) == pytest.approx(1, abs=0.02)
        assert effective_rank(vectors) == pytest.approx(16, rel=0.02)

    def test_a_line_is_nearly_collapsed(self):
        vectors = torch.zeros(10, 64)
        vectors[:5, 0], vectors[5:, 0] = 1, -1
        assert float(spread(vectors)) == pytest.approx(1 / 8)
        assert effective_rank(vectors) == pytest.approx(1)


def test_mistakes_are_told(generator):
    q = unit(generator, 2, 3, 4)
    with pytest.raises(ValueError, match=r"temperature is 0\.0; give a number above 0"):
        info_nce(q, q, q[0], temperature=0.0)
    with pytest.raises(ValueError, match="queries are 2 views of 1 images"):
        info_nce(q[:, :1], q[:, :1], q[0], temperature=0.2)
