"""A verb of `jobwire`, run to its end."""

import subprocess

from .server import BINARY, clean_environment


def jobwire(*arguments, stdin="", code=0, **settings):
    """Runs a verb to its end -> what it printed. Its exit code must be `code`."""
    ended = subprocess.run(
        [BINARY, *map(str, arguments)], env=clean_environment(settings), input=stdin, text=True,
        capture_output=True, timeout=30)
    assert ended.returncode == code, (arguments, ended)
    return ended.stdout if code == 0 else ended.stdout + ended.stderr
