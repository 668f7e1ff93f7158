"""Ends the process with its host: the host holds the other end of a pipe and writes nothing; when it dies, even by SIGKILL,
the kernel closes that end and the read returns."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable

from . import handshake

__all__ = ["watch"]


def watch(clean_up: Callable[[], None]) -> None:
    """Watch the host that started this process, where it gave a lifeline. The thread ends with the process."""
    try:
        fd = int(os.environ[handshake.LIFELINE])
        os.set_inheritable(fd, False)
    except (KeyError, ValueError, OSError):
        return

    def wait() -> None:
        try:
            while os.read(fd, 4096):
                pass
        except OSError:
            pass  # a line that broke says the same as one that ended
        clean_up()
        os._exit(1)

    threading.Thread(target=wait, name="lifeline", daemon=True).start()


def remove_sockets(folder: str) -> None:
    """Do what a dead host no longer can: remove this process's socket and, where nothing else is left, its folders."""
    parent = os.path.dirname(folder)
    try:
        for entry in os.scandir(folder):
            if not (entry.is_file(follow_symlinks=False) or entry.is_dir(follow_symlinks=False) or entry.is_symlink()):
                os.unlink(entry.path)
        os.rmdir(folder)
        if os.path.basename(parent).startswith("sslctl-"):
            os.rmdir(parent)
    except OSError:
        pass  # somebody else was faster, or keeps something there
