# SPDX-License-Identifier: GPL-2.0-or-later
"""
How tests build C: the compiler, and its flags for sanitizers.
"""

import os
import shlex

# As make has it
CC = shlex.split(os.environ.get('CC', 'cc'))
# Reports have whole stacks, and name lines.  The first one ends the program.
SANITIZE = ['-O1', '-g', '-fno-omit-frame-pointer',
            '-fsanitize=address,undefined', '-fno-sanitize-recover=all']
