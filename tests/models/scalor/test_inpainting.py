"""A background that is painted from around it: no pixel is seen by what paints it."""

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F

from lib.models.scalor import FINAL, Scalor, Silent
from lib.models.scalor.background import Background
from lib.models.scalor.inpainting import (
    BLOCK_PX,
    MARGIN_PX,
    InpaintedBackground,
    UNet,
    checkerboard,
)
from lib.models.scalor.state import PaintedScene
from tests.models.scalor.test_background_scene import background, seen, share_missed
from tests.models.scalor.test_model import EARLY, SMALL, drawn, made, moving

INPAINTED = replace(SMALL, background="inpainted")
EACH_NOISE = pytest.mark.parametrize("noise", [Silent, lambda: drawn(5)], ids=["silent", "drawn"])


def square_of(board: torch.Tensor, row: int, column: int) -> torch.Tensor:
    """Pixels [h, w] of one frame's `board` that lie in the square around `row` and `column`.

    Grown from there, a pixel to each side at a time, as far as the colour stays the same.
    """
    same = board[0] == board[0, row, column]
    grown = torch.zeros_like(same)
    grown[row, column] = True
    for _ in range(2 * len(same)):
        across = F.max_pool2d(grown[None].float(), (1, 3), 1, (0, 1))[0] > 0
        down = F.max_pool2d(grown[None].float(), (3, 1), 1, (1, 0))[0] > 0
        grown = (across | down) & same
    return grown


@pytest.mark.parametrize("px", [64, 128])
def test_pictures_of_both_sizes(px):
    clips, alpha = seen(px=px)
    behind = background("inpainted", px)
    with torch.no_grad():
        pictures, kl, scene = behind(clips, alpha, None, drawn())
    assert pictures.shape == clips.shape
    assert float(pictures.min()) > 0
    assert float(pictures.max()) < 1
    assert torch.equal(kl, torch.zeros(2, 3))
    assert torch.equal(scene.picture, pictures[:, -1])
    assert sum(p.numel() for p in behind.parameters()) == {64: 422_220, 128: 451_724}[px]


@pytest.mark.parametrize("px", [64, 128])
def test_a_checkerboard_of_squares(px):
    clips = torch.zeros(2, 3, 3, px, px)
    still, fresh = checkerboard(clips, Silent()).black, checkerboard(clips, drawn()).black
    assert torch.equal(still, still[:1, :1].expand_as(still)), "without noise always the same"
    assert torch.equal(still, checkerboard(clips, Silent()).black)
    boards = fresh.flatten(0, 1).flatten(1)
    assert len(boards.unique(dim=0)) > 3, "with noise, frames differ"
    side = BLOCK_PX[px]
    assert side == px // 4
    for board in (still[0, 0], fresh[1, 2]):
        square = square_of(board, px // 2 + 1, px // 2 - 3)
        rows, columns = square.nonzero().T
        assert len(rows) == side**2
        assert rows.max() - rows.min() == columns.max() - columns.min() == side - 1
        assert torch.equal(board[:, side:, :], ~board[:, :-side, :])
        assert torch.equal(board[:, :, side:], ~board[:, :, :-side])


@EACH_NOISE
@pytest.mark.parametrize(("row", "column"), [(0, 0), (31, 40), (39, 23), (63, 5)])
def test_no_pixel_is_seen_by_what_paints_it(noise, row, column):
    """Gradients of a painted pixel: exactly none by its square and margin, nor what is covered."""
    behind, (clips, alpha) = background("inpainted").train(), seen(clips=1, frames=2)
    alpha[..., 20:35, 30:50] = 1
    clips.requires_grad_()
    pictures, _, _ = behind(clips, alpha, None, noise())
    [gradient] = torch.autograd.grad(pictures[0, 0, :, row, column].sum(), clips)
    gradient_here = gradient[0, 0].abs().sum(0)
    own = square_of(checkerboard(clips, noise()).black[0, 0], row, column)
    assert own[row, column]
    own = F.max_pool2d(own[None].float(), 2 * MARGIN_PX[64] + 1, 1, MARGIN_PX[64])[0] > 0
    covered = alpha[0, 0, 0] == 1
    assert (gradient_here[own] == 0).all()
    assert (gradient_here[covered] == 0).all()
    assert (gradient[0, 1] == 0).all(), "nor of another frame"
    assert (gradient_here[~own & ~covered] > 0).any(), "but it is painted from others"


@EACH_NOISE
def test_what_is_hidden_may_be_anything(noise):
    """Another content of a square, and of what objects cover: not a bit changes in the square."""
    behind, (clips, alpha) = background("inpainted"), seen(clips=1, frames=1)
    alpha[..., 4:20, 40:60] = 1
    board = checkerboard(clips, noise()).black[0, 0]
    square = square_of(board, 32, 32)
    others = clips.clone()
    others[:, :, :, square | (alpha[0, 0, 0] == 1)] = 0.9
    with torch.no_grad():
        pictures, _, _ = behind(clips, alpha, None, noise())
        changed, _, _ = behind(others, alpha, None, noise())
    assert torch.equal(pictures[..., square], changed[..., square])
    assert not torch.equal(pictures, changed), "squares around it have seen it"


def test_nothing_skips_where_nothing_was_seen():
    """Of what enters a stage on the way up, the half that skipped is 0 in holes, and less at their
    edges; the half from below is not.
    """
    torch.manual_seed(0)
    net, holes = UNet(64), torch.ones(1, 1, 64, 64)
    holes[..., 16:48, 16:40] = 0
    entering: list[torch.Tensor] = []
    for join in net.join:
        join.register_forward_pre_hook(lambda _, given: entering.append(given[0]))
    going: list[torch.Tensor] = []
    for down in net.down[:-1]:
        down.register_forward_hook(lambda _, given, made: going.append(made))
    with torch.no_grad():
        net(torch.cat([torch.rand(1, 3, 64, 64) * holes, holes], dim=1))
    for maps, unblocked, cell in zip(entering, reversed(going), (8, 4, 2), strict=True):
        from_below, skipped = maps.chunk(2, dim=1)
        share = F.avg_pool2d(holes, cell)
        hidden = share[0, 0] == 0
        assert hidden.any()
        assert (skipped[..., hidden] == 0).all()
        assert (from_below[..., hidden] != 0).any()
        assert (unblocked[..., hidden] != 0).any(), "else there was nothing to block"
        torch.testing.assert_close(skipped, unblocked * share)


def test_objects_have_no_gradient_from_what_they_hide():
    behind, (clips, alpha) = background("inpainted"), seen()
    alpha.requires_grad_()
    pictures, _, _ = behind(clips, alpha, None, drawn())
    pictures.sum().backward()
    assert alpha.grad is None


def test_frames_know_nothing_of_each_other():
    behind, (clips, alpha) = background("inpainted"), seen(clips=2, frames=3)
    with torch.no_grad():
        whole, _, _ = behind(clips, alpha, None, Silent())
        alone, _, _ = behind(clips[1:, 2:], alpha[1:, 2:], None, Silent())
    torch.testing.assert_close(alone[0, 0], whole[1, 2])


def test_the_last_picture_stays_while_nobody_looks():
    model = made(replace(INPAINTED, discovery_presence_bias=-50.0))  # nobody is there
    with torch.no_grad():
        result = model(moving(), EARLY, drawn())
        later = model.imagine(result.state, 2, FINAL, drawn(1))
    assert result.background.shape == (2, 3, 3, 64, 64)
    last = result.background[:, -1:]
    torch.testing.assert_close(later, last.expand_as(later), atol=1e-5, rtol=0)
    with pytest.raises(ValueError, match="scene=None: an inpainted background is painted from"):
        model.background.imagine(2, None, drawn())


def test_a_video_in_parts_is_the_same_video():
    model, clips = made(INPAINTED).double(), moving(frames=4).double()
    with torch.no_grad():
        whole = model(clips, EARLY, Silent())
        first = model(clips[:, :3], EARLY, Silent())
        last = model(clips[:, 3:], EARLY, Silent(), first.state.detach())
    torch.testing.assert_close(last.background, whole.background[:, 3:])
    assert isinstance(last.state.scene, PaintedScene)
    torch.testing.assert_close(last.state.scene.picture, whole.background[:, -1])


def test_states_lose_their_gradient():
    scene = made(INPAINTED)(moving(), EARLY, drawn()).state
    assert scene.scene.picture.requires_grad
    assert not scene.detach().scene.picture.requires_grad


def test_products_in_bfloat16_are_nearly_the_same():
    behind, (clips, alpha) = made(INPAINTED).multiply_in(torch.bfloat16).background, seen()
    behind.load_state_dict(background("inpainted").state_dict())
    with torch.no_grad():
        exact, _, _ = background("inpainted")(clips, alpha, None, Silent())
        near, _, _ = behind(clips, alpha, None, Silent())
    assert near.dtype == torch.float32
    assert not torch.equal(near, exact)
    torch.testing.assert_close(near, exact, atol=0.02, rtol=0)


def test_all_its_weights_are_the_backgrounds():
    """They are trained at the rate of backgrounds, which is a group of the optimiser's."""
    model = Scalor(INPAINTED)
    assert isinstance(model.background, Background)
    assert isinstance(model.background.painter, InpaintedBackground)
    own = {name for name, _ in model.named_parameters() if name.startswith("background.painter.")}
    assert len(own) == len(list(model.background.parameters())) > 0


def test_a_few_grounds_are_learned():
    of_colour, of_average = share_missed("inpainted", steps=0)
    assert min(of_colour, of_average) > 0.7, "before"
    of_colour, of_average = share_missed("inpainted", steps=80)
    assert max(of_colour, of_average) < 0.25
