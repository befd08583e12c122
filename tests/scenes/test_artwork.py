"""Every object has its picture, and a mirrored one is mirrored."""

from vlmcore.scenes.artwork import artwork, artwork_file, sprite
from vlmcore.scenes.world import World

WORLD = World()


def test_every_object_has_artwork():
    assert {artwork(picture).size for picture in WORLD.pictures.values()} == {(72, 72)}
    assert not artwork_file("whale").is_file()  # a name is no code point


def test_flipped_artwork_is_mirrored():
    for picture in list(WORLD.pictures.values())[:20]:
        for plain, mirrored in zip(sprite(picture, 18, False), sprite(picture, 18, True)):
            assert (plain[:, ::-1] == mirrored).all()
