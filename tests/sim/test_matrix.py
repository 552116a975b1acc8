from pathlib import Path
from random import Random

import pytest

from meshcast.protocol.errors import BadInputError
from sim.matrix import Matrix


def write(folder: Path, rtts: str) -> Path:
    (folder / "tiny_cities.csv").write_text("id,city,country\n0,Here,X\n1,There,X\n2,Beyond,X\n")
    (folder / "tiny_city_meta.csv").write_text(
        "city,Lat,Long,Population\nHere,41,-74,1000000\nThere,50,8,500000\nBeyond,35,139,\n"
    )
    path = folder / "tiny_rtt.csv"
    path.write_text("src,dst,avg_ms\n" + rtts)
    return path


def test_the_quicker_direction_counts_and_what_was_never_measured_goes_over_a_third_city(
    tmp_path: Path,
) -> None:
    matrix = Matrix(write(tmp_path, "0,1,90\n1,0,80\n1,2,200\n"), landmarks=2)
    assert matrix.delay_us(0, 1) == matrix.delay_us(1, 0) == 40_000
    assert matrix.delay_us(0, 2) == 140_000
    assert matrix.delay_us(1, 1) == 1_000


def test_landmarks_stand_where_the_audience_is(tmp_path: Path) -> None:
    matrix = Matrix(write(tmp_path, "0,1,90\n0,2,150\n1,2,200\n"), landmarks=2)
    assert matrix.names[matrix.landmarks[0]] == "Here"
    assert matrix.nearest_regions() == ((0, 1), (1, 0))
    assert matrix.landmark_rtts_us(0, 5_000)[0] == 2 * (1_000 + 5_000)
    drawn = [matrix.draw(Random(seed)) for seed in range(300)]
    assert drawn.count(0) > drawn.count(1) > drawn.count(2) > 0


def test_a_file_that_is_no_matrix_is_named_with_its_line(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match=r"tiny_rtt.csv, line 3"):
        Matrix(write(tmp_path, "0,1,90\n0,seven,80\n"))
    with pytest.raises(BadInputError, match="cannot be read"):
        Matrix(tmp_path / "none_rtt.csv")
    with pytest.raises(BadInputError, match="no city 'Rome'"):
        Matrix(write(tmp_path, "0,1,90\n"), landmarks=1).number("Rome")
