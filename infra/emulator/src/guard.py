"""Runs MiniStack for as long as somebody holds the other end of our standard input.

The end of that input is the one event that no death of the parent can suppress: neither Ctrl-C nor kill -9.
Then the emulator, and the processes of the functions that it started, are killed, and their files removed.
"""

import os
import shutil
import signal
import subprocess
import sys
import threading

state_dir, log_path, log_limit = sys.argv[1], sys.argv[2], int(sys.argv[3])

for name in ("SIGINT", "SIGHUP", "SIGQUIT"):
    signal.signal(getattr(signal, name), signal.SIG_IGN)  # the terminal's signals are for the parent

# The runtime API of its functions sends the head of an answer and then its body; held back until the first is
# acknowledged, the second would come 40 ms late, at every call.
MINISTACK = """
import runpy, socketserver
socketserver.StreamRequestHandler.disable_nagle_algorithm = True
runpy.run_module("ministack", run_name="__main__")
"""

emulator = subprocess.Popen(
    [sys.executable, "-c", MINISTACK],
    cwd=state_dir,
    stdin=subprocess.DEVNULL,
    stdout=subprocess.PIPE,
    stderr=subprocess.STDOUT,
    restore_signals=True,
    start_new_session=True,  # a process group of its own, which the functions join
)


ending = threading.Lock()


def end(code):
    if not ending.acquire(blocking=False):
        return  # another thread is at it, and will end this one too
    try:
        os.killpg(emulator.pid, signal.SIGKILL)  # nothing there is worth a goodbye
    except ProcessLookupError:
        pass
    emulator.wait()
    if code == 0:
        shutil.rmtree(state_dir, ignore_errors=True)
    os._exit(code)


def keep_log():
    """Keeps the emulator's output, at most twice the limit. Reads on when it cannot be kept: an emulator whose
    output nobody takes would stop in the middle of a word."""
    written, log = 0, None
    while chunk := os.read(emulator.stdout.fileno(), 65536):
        try:
            if written > log_limit:
                log.close()
                os.replace(log_path, log_path + ".1")
                written, log = 0, None
            if log is None:
                log = open(log_path, "ab", buffering=0)
            log.write(chunk)
            written += len(chunk)
        except OSError:
            pass


def watch_parent():
    while os.read(0, 4096):
        pass
    end(0)


signal.signal(signal.SIGTERM, lambda *_: end(0))
threading.Thread(target=watch_parent, daemon=True).start()
logger = threading.Thread(target=keep_log, daemon=True)
logger.start()
emulator.wait()
logger.join(1)  # a function's process may hold the pipe still
end(1)
threading.Event().wait()  # for the one who ends us
