# SPDX-License-Identifier: GPL-2.0-or-later
"""
Ends a script silently on Ctrl-C while it is still importing.

For scripts, which import this before all else.  Python would print a traceback;
run_script() says what is to be said, once it is there.
"""

import signal

# A script in the background of another one ignores it, and goes on to.
if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
    signal.signal(signal.SIGINT, signal.SIG_DFL)
