"""The versions of the Minecraft VQ-VAE as named configurations.

Each says what it changed against the one before, and why: the reason or, where the public change
log gives none, what it had observed just before. Numbers are the write-up's where it gives them,
the public code's elsewhere. `VARIANTS` are
not the author's: they separate changes that were only ever made together.
"""

from dataclasses import replace

from lib.models.quantiser import HALF_PRODUCTS, QuantiserConfig
from lib.models.vqvae import VqvaeConfig
from lib.models.vqvae_version import Perceptual, Version, scaled

V1_0 = Version(
    name="v1.0",
    changed="First version: four convolutions, 16 × 16 codes for 64 × 64 pixels.",
    why="Small enough to train in half precision on a free GPU.",
    in_code="Two convolutions a side, 2,048 codes of 256 features; the quantiser inside autocast; "
    "codes that a batch left unused are reseeded from it.",
    commit="16f5fce",
    model=VqvaeConfig(
        quantiser=QuantiserConfig(half_products=HALF_PRODUCTS, reseed_unused=True),
    ),
    nonfinite="skip",
)

V1_0_1 = replace(
    V1_0,
    name="v1.0.1",
    changed="Gradients clipped to norm 1. Ten more epochs with LPIPS enabled.",
    why="The loss of v1.0 had become infinite.",
    in_code="Also: the quantiser left autocast for float32, latents are clamped to ±10 and codes "
    "to ±3. LPIPS is switched off in every commit of this version.",
    commit="8917f4e",
    model=replace(
        V1_0.model,
        quantiser=QuantiserConfig(reseed_unused=True, latent_limit=10.0, code_limit=3.0),
    ),
    clip_norm=1.0,
    nonfinite="stop",
    epochs=20,
)

V2_0 = replace(
    V1_0_1,
    name="v2.0",
    changed="Another data set (GameFactory), 64 × 36 pixels in 16:9, residual blocks, 4,096 codes "
    "of 384 features.",
    why="Sharper pictures, and the aspect ratio of the footage.",
    in_code="The blocks end in a ReLU: latents are never negative, in this version and all later.",
    commit="5c1e0e7",
    layout="gamefactory",
    model=VqvaeConfig(
        image_size=(36, 64),
        residual=True,
        quantiser=replace(V1_0_1.model.quantiser, codebook_size=4096, embedding_dim=384),
    ),
    epochs=10,
)

V2_0_1 = replace(
    V2_0,
    name="v2.0.1",
    changed="128 × 72 pixels; a third stage halves them to the same 16 × 9 codes.",
    why="The small pictures were too constraining.",
    in_code="A ReLU also before the encoder's last residual block.",
    commit="9381058",
    model=replace(V2_0.model, image_size=(72, 128), stages=3, relu_before_last_block=True),
    epochs=20,
)

V2_0_2 = replace(
    V2_0_1,
    name="v2.0.2",
    changed="LPIPS enabled; batches of 192. Goes on from v2.0.1 at epoch 20.",
    why="Predictions much less sharp than the frames.",
    in_code="The package was missing: a line is printed, and training goes on without LPIPS.",
    commit="2fdba8c",
    continues_from="v2.0.1",
    continues_at=20,
    epochs=40,
    batch_size=192,
    perceptual=Perceptual(start=1.0, installed=False),
)

V2_0_3 = replace(
    V2_0_2,
    name="v2.0.3",
    changed="1,024 codes in place of 4,096.",
    why="Pink blobs, and a grid that turned skies grey.",
    in_code="A new start. LPIPS still missing.",
    commit="57620a6",
    continues_from=None,
    continues_at=0,
    epochs=30,
    model=replace(V2_0_2.model, quantiser=replace(V2_0_2.model.quantiser, codebook_size=1024)),
)

V2_0_4 = replace(
    V2_0_3,
    name="v2.0.4",
    changed="LPIPS weighted with 0.3; both parts of the loss logged.",
    why="Strange patches; some biomes not captured.",
    in_code="LPIPS still missing: the training of v2.0.3 once more, with another seed.",
    commit="9a04205",
    perceptual=Perceptual(start=0.3, installed=False),
    seed_shift=1,
)

V2_0_5 = replace(
    V2_0_4,
    name="v2.0.5",
    changed="LPIPS installed. Goes on from v2.0.4 at epoch 30.",
    why="The new log showed an LPIPS of zero, always.",
    in_code="LPIPS gets images in [0, 1]; it wants [−1, 1].",
    commit="1f3d2d8",
    continues_from="v2.0.4",
    continues_at=30,
    epochs=60,
    perceptual=Perceptual(start=0.3),
)

V2_1_0 = replace(
    V2_0_5,
    name="v2.1.0",
    changed="Two stages, so 32 × 18 codes; LPIPS from 0 by 0.05 each 5 epochs to 0.3; batches "
    "of 256.",
    why="Fine texture came out as grid noise, skies with patches of grass.",
    in_code="The line that went with the third stage leaves a ReLU before the sigmoid.",
    commit="a4ede6a",
    continues_from=None,
    continues_at=0,
    epochs=30,
    batch_size=256,
    model=replace(V2_0_5.model, stages=2, output_relu=True),
    perceptual=Perceptual(step=0.05, every=5, cap=0.3),
    seed_shift=0,
)

V2_1_1 = replace(
    V2_1_0,
    name="v2.1.1",
    changed="LPIPS by 0.005 each 10 epochs.",
    why="Just a grey image.",
    in_code="In its first nine epochs LPIPS has no weight at all.",
    commit="ab9b37d",
    perceptual=Perceptual(step=0.005, every=10, cap=0.1),
)

V2_1_2 = replace(
    V2_1_1,
    name="v2.1.2",
    changed="Batches of 192 in place of 256.",
    why="Still grey; LPIPS likely not the cause.",
    in_code="Batches of 196, and ten epochs: LPIPS has weight in the last one only.",
    commit="488b922",
    epochs=10,
    batch_size=196,
)

V2_1_3 = replace(
    V2_1_2,
    name="v2.1.3",
    changed="More signals logged.",
    why="Still grey; the batch size is not the culprit.",
    in_code="Batches of 256 again, 15 epochs.",
    commit="5bfc1ed",
    epochs=15,
    batch_size=256,
)

V2_1_4 = replace(
    V2_1_3,
    name="v2.1.4",
    changed="Batches of 64; β from 0.25 to 0.05; a more gradual LPIPS.",
    why="The quantiser's loss falls from 0.1 to 1e-8 within two epochs.",
    in_code="LPIPS starts at 0.05 and grows by 0.005 each 3 epochs; the constant that sets its "
    "growth to 0.02 is never used.",
    commit="0653b6f",
    batch_size=64,
    beta=0.05,
    perceptual=Perceptual(start=0.05, step=0.005, every=3, cap=0.3),
)

V2_1_5 = replace(
    V2_1_4,
    name="v2.1.5",
    changed="No ReLU before the sigmoid; images scaled to [−1, 1] for LPIPS.",
    why="Still heavily greyed; the few details far too saturated.",
    in_code="Both changes in one commit.",
    commit="59b7f30",
    model=replace(V2_1_4.model, output_relu=False),
    perceptual=Perceptual(start=0.05, step=0.005, every=3, cap=0.3, input_range="[-1, 1]"),
)

V2_1_6 = replace(
    V2_1_5,
    name="v2.1.6",
    changed="LPIPS eased in more slowly: from 0, every 2 epochs, to 0.15 at most.",
    why="Blocks imprinted on the sky.",
    in_code="The step of 0.005 is what it was, but comes every 2 epochs instead of 3; 100 epochs "
    "in place of 15.",
    commit="d81e6b9",
    epochs=100,
    perceptual=Perceptual(step=0.005, every=2, cap=0.15, input_range="[-1, 1]"),
)

VERSIONS: dict[str, Version] = {
    v.name: v
    for v in (
        V1_0, V1_0_1, V2_0, V2_0_1, V2_0_2, V2_0_3, V2_0_4, V2_0_5,
        V2_1_0, V2_1_1, V2_1_2, V2_1_3, V2_1_4, V2_1_5, V2_1_6,
    )
}  # fmt: skip

_ON_BOTH = "v2.1.4 with one of the two changes of v2.1.5, not both."

VARIANTS: dict[str, Version] = {
    v.name: v
    for v in (
        replace(
            V1_0_1,
            name="v1.0.1_lpips",
            changed="v1.0.1 with LPIPS really in the loss from epoch 11 on.",
            why="Would its author have seen a difference?",
            perceptual=Perceptual(step=1.0, every=11, cap=1.0),
        ),
        replace(
            V2_0_3,
            name="v2.0.3_4096",
            changed="v2.0.3 with the 4,096 codes of before.",
            why="v2.0.3 changed the codebook and began anew.",
            model=V2_0_2.model,
        ),
        replace(
            V2_1_4,
            name="v2.1.4_no_relu",
            changed="v2.1.4 without the ReLU before the sigmoid.",
            why=_ON_BOTH,
            model=V2_1_5.model,
        ),
        replace(
            V2_1_4,
            name="v2.1.4_range",
            changed="v2.1.4 with images scaled to [−1, 1] for LPIPS.",
            why=_ON_BOTH,
            perceptual=V2_1_5.perceptual,
        ),
    )
}


def version(name: str, preset: str = "tiny") -> Version:
    """The version or variant called `name` at the size of `preset`.

    - ``tiny``: 2 CPU cores, about ten seconds a version; narrow layers, few steps.
    - ``small``: 2 CPU cores, two or three minutes a version.
    - ``full``: one GPU; the write-up's sizes, epochs and number of frames.

    Raises:
        ValueError: unknown `name` or `preset`; the message lists the known ones.
    """
    known = VERSIONS | VARIANTS
    if name not in known:
        raise ValueError(f"version is {name!r}; the known ones are {', '.join(known)}")
    return scaled(known[name], preset)
