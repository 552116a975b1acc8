"""How errors reach a person: one line for ours, everything for what is not ours."""

import subprocess
import sys
from collections.abc import Callable

import pytest
import trio

from meshcast.errors_shown import EXIT_ERROR, EXIT_INTERRUPTED, first, one_line, run
from meshcast.protocol.errors import BadInputError, MeshcastError, UnreachableError


def show(error: BaseException, capsys: pytest.CaptureFixture[str]) -> tuple[object, str]:
    """Give the exit code and what is said."""
    with pytest.raises(SystemExit) as caught, one_line():
        raise error
    return caught.value.code, capsys.readouterr().err


def test_an_error_of_ours_is_one_line_and_a_code_that_is_not_0(capsys: pytest.CaptureFixture[str]) -> None:
    assert show(BadInputError("no such\nfile;  check it"), capsys) == (
        EXIT_ERROR,
        "meshcast: no such file; check it\n",
    )


def test_in_a_group_of_groups_the_first_of_ours_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    inner = BaseExceptionGroup("tasks", [UnreachableError("nobody answers"), MeshcastError("later")])
    assert show(BaseExceptionGroup("tasks", [inner]), capsys) == (EXIT_ERROR, "meshcast: nobody answers\n")
    assert isinstance(first(inner), UnreachableError)


def test_an_interrupt_has_a_code_of_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    group = BaseExceptionGroup("tasks", [KeyboardInterrupt()])
    assert show(group, capsys) == (EXIT_INTERRUPTED, "meshcast: interrupted\n")


def test_what_is_not_ours_passes_with_its_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ZeroDivisionError), one_line():
        raise ZeroDivisionError
    with pytest.raises(ExceptionGroup) as caught, one_line():
        raise ExceptionGroup("tasks", [BadInputError("ours"), ZeroDivisionError()])
    assert caught.group_contains(ZeroDivisionError)
    assert capsys.readouterr().err == ""


def test_nothing_wrong_is_nothing_said(capsys: pytest.CaptureFixture[str]) -> None:
    with one_line():
        pass
    assert capsys.readouterr() == ("", "")


def test_a_program_runs_under_trio_with_its_errors_shown(capsys: pytest.CaptureFixture[str]) -> None:
    async def fail() -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(give_up)
            await trio.sleep_forever()

    async def give_up() -> None:
        raise UnreachableError("nobody answers")

    def code(main: Callable[[], object]) -> object:
        with pytest.raises(SystemExit) as caught:
            main()
        return caught.value.code

    assert code(lambda: run(fail)) == EXIT_ERROR
    assert capsys.readouterr().err == "meshcast: nobody answers\n"


def test_when_the_reader_of_a_pipe_is_gone_nothing_is_said_at_all() -> None:
    program = (
        "import sys\n"
        "from meshcast.errors_shown import one_line\n"
        "with one_line():\n"
        "    sys.stdin.read()\n"
        "    sys.stdout.write('status')\n"
        "    sys.stdout.flush()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        assert process.stderr is not None
        process.stdout.close()
        process.stdin.close()
        assert process.stderr.read() == b""
        assert process.wait(60) == EXIT_ERROR
