"""Run a command for make: `foreground.py COMMAND …`. Ctrl-C ends it in peace.

A terminal's Ctrl-C reaches the command by itself: this waits while it says good-bye, and then is
content, so that make prints no error. SIGTERM, which make sends to its child only, is passed on.
"""

import signal
import subprocess
import sys
from types import FrameType


def main(command: list[str]) -> int:
    """Run `command` to its end; return its exit status, 0 where somebody stopped it."""
    interrupted = False
    early: int | None = None
    child: subprocess.Popen[bytes] | None = None

    def note(_number: int, _frame: FrameType | None) -> None:
        nonlocal interrupted
        interrupted = True

    def pass_on(number: int, frame: FrameType | None) -> None:
        nonlocal early
        note(number, frame)
        if child is None:
            early = number
        else:
            child.send_signal(number)

    signal.signal(signal.SIGINT, note)
    signal.signal(signal.SIGTERM, pass_on)
    try:
        child = subprocess.Popen(command)
    except OSError as error:
        print(f"{command[0]}: {error.strerror}", file=sys.stderr)
        return 127
    if early is not None:  # The child ran already, but we did not know it yet.
        child.send_signal(early)
    status = child.wait()
    if interrupted:
        return 0
    return status if status >= 0 else 128 - status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
