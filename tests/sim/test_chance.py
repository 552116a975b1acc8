from sim.chance import generator, stream


def test_a_stream_is_the_same_for_the_same_name_and_another_for_another() -> None:
    assert stream(1, "waves").random() == stream(1, "waves").random() != stream(1, "people").random()
    assert generator(1, "waves").random() == generator(1, "waves").random() != generator(2, "waves").random()


def test_streams_do_not_change_with_the_version() -> None:
    assert generator(1, "waves").integers(0, 10**9, 3).tolist() == PINNED


PINNED = [452554292, 394079000, 786879203]
