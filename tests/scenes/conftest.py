"""Scenes of every kind, made once for all tests that only look at them."""

from random import Random

import pytest

from vlmcore.scenes.scene import Scene
from vlmcore.scenes.world import World


@pytest.fixture(scope="session")
def scenes() -> list[Scene]:
    world, random = World(), Random(0)
    kinds = [None] * 5 + ["hidden", "sum", "unusual", "shape", "unusual new"]
    return [
        world.scene(random, kinds[i % 10], evaluate=i % 3 == 0 or kinds[i % 10] == "unusual new") for i in range(1500)
    ]
