# SPDX-License-Identifier: GPL-2.0-or-later
"""What programs print on a terminal, for tests of how wide it is."""

import fcntl
import os
import pty
import select
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
        # The terminal stays open: once nobody has it, what is on its way may
        # be lost.
        while process.poll() is None or select.select([master], [], [], 1)[0]:
            if select.select([master], [], [], 0.1)[0]:
                text += os.read(master, 65536)
        stderr = process.communicate(timeout=60)[1]
    os.close(slave)
    os.close(master)
    return process.returncode, text.decode(), stderr
