"""The color of skin, lips and eyes of one person: tone, redness, age, freckles, stubble and make-up."""

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from nasion.datasets.rendered.arrays import Floats

__all__ = ["Face", "linear", "sample_eyes", "sample_skin"]

TONES = np.array(
    [
        (248, 222, 208), (240, 206, 188), (230, 192, 170), (216, 176, 150), (198, 154, 126),
        (176, 130, 102), (148, 105, 80), (118, 82, 62), (90, 62, 48), (64, 45, 37),
    ],
    float,
)  # fmt: skip
"""Skin tones from light to dark, sRGB 0 to 255."""

IRISES = (
    (62, 38, 24),
    (84, 54, 32),
    (46, 30, 22),
    (58, 38, 26),
    (100, 78, 46),
    (78, 90, 62),
    (72, 98, 122),
    (90, 104, 114),
)
"""Colors of irises, sRGB 0 to 255."""

LIPSTICKS = ((150, 38, 50), (175, 75, 82), (190, 110, 112), (120, 38, 52), (190, 92, 84), (150, 88, 86), (105, 42, 60))
SHADOWS = ((90, 60, 50), (60, 60, 70), (130, 90, 110), (60, 80, 120), (150, 110, 80), (40, 35, 40))


@dataclass(frozen=True, eq=False)
class Face:
    """Values of the shader for the skin of one person; see `values`."""

    tone: Floats  # linear RGB
    pores: float
    mottle: float
    blotch: float
    cheeks: float
    nose: float
    under_eye: float
    lines: float
    oily: float
    freckles: float
    beard: float
    moustache: float
    beard_color: Floats
    lips: Floats
    lip_share: float
    lip_gloss: float
    eye_shadow: Floats
    eye_shadow_share: float
    liner: float
    hair: Floats
    brow: float
    offset: Floats
    shine: float
    power: float
    bump: float

    def values(self) -> Floats:
        """Return all values (36,) float32, no unit, in the shader's order."""
        return np.array(
            [
                *self.tone, self.pores, self.mottle, self.blotch, self.cheeks, self.nose, self.under_eye, self.lines,
                self.oily, self.freckles, self.beard, self.moustache, *self.beard_color, *self.lips, self.lip_share,
                self.lip_gloss, *self.eye_shadow, self.eye_shadow_share, self.liner, *self.hair, *self.offset,
                self.brow, self.shine, self.power, self.bump,
            ],
            np.float32,
        )  # fmt: skip


def linear(color: object) -> Floats:
    """Return linear RGB, 0 to 1, of sRGB (..., 3), 0 to 255."""
    return (np.asarray(color, float) / 255) ** 2.2


def sample_skin(random: Generator, place: float, hair: Floats, age: float, stubble: float, makeup: float) -> Face:
    """Return the skin of a random person.

    Args:
        random: source of randomness.
        place: of the skin tone, 0 light to 1 dark.
        hair: (3,) linear RGB of the hair.
        age: 0 young to 1 old.
        stubble: density of short hairs on chin and cheeks, 0 to 1.
        makeup: strength of make-up, 0 to 1.
    """
    place *= len(TONES) - 1
    low = int(min(place, len(TONES) - 2))
    tone = TONES[low] + (place - low) * (TONES[low + 1] - TONES[low])
    tone = linear(np.clip(tone * random.normal(1, 0.035) + random.normal(0, 3.5, 3), 20, 252))
    light = float(tone.mean()) ** 0.5  # redness shows on light skin
    natural = tone * np.array([0.92, 0.56, 0.56]) * random.normal(1, 0.08, 3)
    natural = natural + 0.06 * np.array([0.4, 0.05, 0.08]) * light
    painted = linear(LIPSTICKS[random.integers(len(LIPSTICKS))]) * random.uniform(0.7, 1.2)
    lipstick = makeup > random.uniform(0.15, 0.9)
    grown = stubble * random.uniform(0.5, 1.0)
    return Face(
        tone=tone,
        pores=random.uniform(0.1, 0.4),
        mottle=random.uniform(0.08, 0.35),
        blotch=random.uniform(0.2, 1.0) * light,
        cheeks=random.uniform(0.0, 0.5) * light + 0.3 * makeup * random.random(),
        nose=random.uniform(0.05, 0.5) * light,
        under_eye=random.uniform(0.0, 0.28) + 0.12 * age,
        lines=0.42 * max(age - 0.25, 0) * random.uniform(0.4, 1.2),
        oily=random.uniform(0.0, 1.2),
        freckles=random.uniform(0.15, 0.8) if random.random() < 0.16 else random.uniform(0, 0.12),
        beard=0.85 * grown,
        moustache=0.85 * grown * random.uniform(0.6, 1.1),
        beard_color=tone * 0.45 + hair * 0.4,
        lips=painted if lipstick else natural,
        lip_share=random.uniform(0.5, 0.9) if lipstick else random.uniform(0.35, 0.9),
        lip_gloss=random.uniform(0.2, 3.0) if lipstick else random.uniform(0.0, 1.2),
        eye_shadow=linear(SHADOWS[random.integers(len(SHADOWS))]),
        eye_shadow_share=makeup * random.uniform(0, 0.8),
        liner=makeup * random.uniform(0.3, 0.95) if makeup > 0.1 else random.uniform(0.15, 0.4),
        hair=hair,
        brow=random.uniform(0.2, 0.65),
        offset=random.random(2),
        shine=random.uniform(0.3, 1.3),
        power=float(np.exp(random.uniform(np.log(10), np.log(36)))),
        bump=random.uniform(0.1, 0.5) * (0.6 + age),
    )


def sample_eyes(random: Generator) -> Floats:
    """Return the shader's values (8,) float32, no unit, for the eyes of a random person."""
    color = linear(np.clip(np.array(IRISES[random.integers(len(IRISES))]) + random.normal(0, 10, 3), 8, 220))
    iris = random.uniform(0.4, 0.46)
    pupil = iris * random.uniform(0.3, 0.6)
    return np.array(
        [*color, iris, pupil, random.uniform(0, 1.2), random.uniform(0.42, 0.68), random.random()], np.float32
    )
