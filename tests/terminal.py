# SPDX-License-Identifier: GPL-2.0-or-later
"""What programs print on a terminal, for tests of how wide it is."""

import fcntl
import os
import pty
import struct
import subprocess
import termios


def run_on_terminal(argv, columns, **kwargs):
    """
    Returns the exit status, what a terminal of this width shows, and stderr.
    """
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ,
                struct.pack('HHHH', 24, columns, 0, 0))
    text = b''
    with subprocess.Popen(argv, stdout=slave, stderr=subprocess.PIPE,
                          text=True, **kwargs) as process:
        os.close(slave)
        try:
            while data := os.read(master, 65536):
                text += data
        except OSError:
            # EIO: all is read, and nobody has the terminal any more.
            pass
        stderr = process.communicate(timeout=60)[1]
    os.close(master)
    return process.returncode, text.decode(), stderr
