"""A process of the same user that attempts may try to look into, signal or starve.

argv: LOG TOKEN_IN_MEMORY_FILE TOKEN_IN_ARGV. Holds a token in its memory (read from the file, which is
gone afterwards), one in its environment, one in its arguments and one in an open file without a name.
Every signal that can be caught is written to LOG. A line on its standard input is answered by one on its
standard output, after whatever signal came before it: so a judge knows when the log is complete, however
busy the machine is.
"""
import os
import signal
import sys

log, start = sys.argv[1], sys.argv[2]
with open(start, encoding="ascii") as lines:
    memory_token, file_token = lines.read().split()
os.unlink(start)
held = os.open(os.path.dirname(log), os.O_TMPFILE | os.O_RDWR, 0o600)
os.write(held, file_token.encode())
os.dup2(held, 50)  # a number that attempts know


def heard(number, _frame):
    with open(log, "a", encoding="ascii") as out:
        out.write(f"{number}\n")


for number in range(1, signal.NSIG):
    if number not in (signal.SIGKILL, signal.SIGSTOP, signal.SIGCHLD):
        try:
            signal.signal(number, heard)
        except (OSError, ValueError):
            pass
print(hex(id(memory_token)), flush=True)
# A signal that comes while a line is read may be heard after its answer, but before the next one.
for _ in sys.stdin:
    print("here", flush=True)
