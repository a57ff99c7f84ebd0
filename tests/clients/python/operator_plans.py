"""Whoever runs the stack changes what is on sale: with `.local/bin/octroi`, and a plan file of another content."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

COMMAND = Path(os.environ.get("STACK_STATE", ".local")) / "bin" / "octroi"
SAMPLE = Path(__file__).parents[3] / "plans.toml"


@contextmanager
def free_plan(line: str, directory: Path) -> Iterator[None]:
    """The free plan has another line meanwhile; whoever signs up keeps that version of it."""
    changed = directory / "plans.toml"
    code = 'code = "free"\n'
    changed.write_text(SAMPLE.read_text().replace(code, f"{code}{line}\n"))
    try:
        push(changed)
        yield
    finally:
        push(SAMPLE)


def push(file: Path) -> None:
    subprocess.run([COMMAND.resolve(), "plans", "push", "--file", file], check=True, timeout=60, stdout=subprocess.DEVNULL)
