"""Reading faces: size and digest of the image, and unreadable images."""

from dataclasses import replace

from nasion.doctor import reading
from nasion.errors import ImageError
from nasion.sample import Problem


def test_a_face_is_read_with_the_size_and_digest_of_its_image(drawn):
    one, other = reading.read_face(drawn, 0), reading.read_face(drawn, 1)
    assert one.face is drawn.annotations[0]
    assert one.size == (480, 640)
    assert one.digest != other.digest
    assert one.digest == reading.read_face(drawn, 0).digest


def test_an_unreadable_image_is_a_problem(drawn):
    def broken(_face):
        raise ImageError("damaged")

    problem = reading.read_face(replace(drawn, open_image=broken), 3)
    assert problem == Problem(drawn.annotations[3].name, "damaged")
