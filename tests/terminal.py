# SPDX-License-Identifier: GPL-2.0-or-later
"""What programs print on a terminal, for tests of how wide it is."""

import fcntl
import os
import pty
import select
import struct
import subprocess
import termios
import time


def read_until(deadline, terminal):
    """What it shows until nobody has it any more, or TimeoutError"""
    text = b''
    while select.select([terminal], [], [],
                        max(0, deadline - time.monotonic()))[0]:
        try:
            data = os.read(terminal, 65536)
        except OSError:
            # EIO: all is read.
            return text
        text += data
    raise TimeoutError('the program does not end')


def run_on_terminal(argv, columns, limit=60, **kwargs):
    """
    Returns the exit status, what a terminal of this width shows, and stderr.

    A program that takes longer than the limit, in seconds, is killed.
    """
    deadline = time.monotonic() + limit
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ,
                struct.pack('HHHH', 24, columns, 0, 0))
    with subprocess.Popen(argv, stdout=slave, stderr=subprocess.PIPE,
                          text=True, **kwargs) as process:
        os.close(slave)
        try:
            text = read_until(deadline, master)
            stderr = process.communicate(
                timeout=max(0, deadline - time.monotonic()))[1]
        finally:
            # Nothing, if it has ended
            process.kill()
            os.close(master)
    return process.returncode, text.decode(), stderr
