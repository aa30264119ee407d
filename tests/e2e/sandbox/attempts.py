"""Reads attempts/CATEGORY.txt.

    ## name
    # what it tries (free text)
    #: KEY VALUE
    script, of bash, or of Python with `#: python`

Keys, all optional:
  python             the script is Python; PRELUDE below stands before it
  goal EFFECT...     what the run without a sandbox must show (leak, heard, changed, victim, survivor,
                     bound, got); default: any of them
  control none WHY   nothing is to be proven without a sandbox, and why
  terminal           the runner is started on a terminal of its own
  bound processes N | bound memory BYTES | bound disk BYTES | bound locks N
                     an effect if the host ever counts more
  through TIER WHY   known to get through that tier (t1 or t2)
  degraded POINT WHY gets through a slot whose report says that it goes without POINT
  wall SECONDS       for attempts that only end when somebody ends them
  heavy              the run without a sandbox costs much: done with REMIT_FULL=1 or --full only

Of scripts only those print GOT (effect `got`) whose success nothing on the host shows: reaching a part
of the kernel that no command needs. @NAME@ is replaced by what world.py says under that name.
"""
import pathlib
import re
import shlex

CATEGORIES = ["reads", "writes", "processes", "syscalls", "ipc", "network", "environment",
              "resources", "lifecycle"]

PRELUDE = '''import array, ctypes, errno, fcntl, mmap, os, resource, select, signal, socket, struct, subprocess, sys, threading, time
libc = ctypes.CDLL(None, use_errno=True)
def call(number, *arguments):
    result = libc.syscall(ctypes.c_long(number), *[ctypes.c_long(a) if isinstance(a, int) else a for a in arguments])
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result
def show(path):
    print(open(path, "rb").read(65536))
'''


class Attempt:
    def __init__(self, category, name):
        self.category, self.name = category, name
        self.python = self.heavy = self.terminal = False
        self.goals, self.no_control, self.bound = [], None, None
        self.through, self.degraded = {}, {}
        self.wall, self.script = 10, ""

    def set(self, key, value):
        first, _, rest = value.partition(" ")
        if key in ("python", "heavy", "terminal"):
            setattr(self, key, True)
        elif key == "goal":
            self.goals = value.split()
        elif key == "control" and first == "none" and rest:
            self.no_control = rest
        elif key == "bound" and first in ("processes", "memory", "disk", "locks"):
            self.bound = (first, int(rest))
        elif key == "through" and first in ("t1", "t2") and rest:
            self.through[first] = rest
        elif key == "degraded" and rest:
            self.degraded[first] = rest
        elif key == "wall":
            self.wall = float(value)
        else:
            raise ValueError(f"{self.category}/{self.name}: #: {key} {value}")

    def command(self, values):
        """The bytes for bash -c. The mark stands in it, so that /proc shows whose process it is."""
        text = PRELUDE + self.script if self.python else self.script
        text = re.sub(r"@([A-Z_0-9]+)@", lambda match: str(values[match.group(1)]), text)
        mark = values["MARK"]
        if self.python:
            return f"exec python3 -c {shlex.quote(f'# {mark}' + chr(10) + text)}"
        return f"# {mark}\n{text}"


def load(folder=pathlib.Path(__file__).parent / "attempts"):
    attempts, names = [], set()
    for category in CATEGORIES:
        current = None
        for line in (folder / f"{category}.txt").read_text(encoding="utf-8").splitlines():
            if line.startswith("## "):
                current = Attempt(category, line[3:].strip())
                if current.name in names:
                    raise ValueError(f"two attempts are named {current.name}")
                names.add(current.name)
                attempts.append(current)
            elif current is None:
                continue  # the head of the file
            elif line.startswith("#: "):
                key, _, value = line[3:].partition(" ")
                current.set(key, value.strip())
            elif current.script or not line.startswith("# "):
                current.script += line + "\n"
    return attempts
