"""Record what a person sees, with the command in a terminal of its own:

python -m benchmarks.capture docs/demo.svg -- mapsto train digits
"""

from __future__ import annotations

import io
import os
import pty
import subprocess
import sys

from rich.console import Console
from rich.text import Text

COLUMNS, ROWS = 108, 60


def main(path: str, command: list[str]) -> None:
    console = Console(record=True, width=COLUMNS, file=io.StringIO(), force_terminal=True)
    console.print(Text(f"$ {' '.join(command)}", style="bold"))
    console.print(Text.from_ansi(seen(command)))
    console.save_svg(path, title=" ".join(command))


def seen(command: list[str]) -> str:
    """Standard output of a command that believes it has a terminal; its progress bar goes where nobody looks."""
    master, slave = pty.openpty()
    environment = {**os.environ, "COLUMNS": str(COLUMNS), "LINES": str(ROWS), "TERM": "xterm-256color"}
    process = subprocess.Popen(command, stdin=slave, stdout=slave, stderr=subprocess.DEVNULL, env=environment)
    os.close(slave)
    parts = []
    while True:
        try:
            part = os.read(master, 65536)
        except OSError:  # the other end is closed: the command has ended
            break
        if not part:
            break
        parts.append(part)
    process.wait()
    return b"".join(parts).decode(errors="replace").replace("\r\n", "\n")


if __name__ == "__main__":
    separator = sys.argv.index("--")
    main(sys.argv[1], sys.argv[separator + 1 :])
