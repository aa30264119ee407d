#!/usr/bin/python3
"""Attempts to escape from a sandbox, judged from outside.

    escapes.py --run-in-slot build/tests/sandbox/run_in_slot [--runners t1,t2] [--peers DIR] [--full]
               [--only NAME]... [--lanes N] [--as-user] [--verbose] [--table]

Every attempt (attempts/*.txt, see attempts.py) runs in a World (world.py) that holds tokens and
listeners. It is contained if no token shows in what it prints, no listener heard of it, nothing outside
its sandbox changed, the victim process is as it was, no process is left, and no bound of the host was
passed. Each is first run without any sandbox, where it must reach its goal: so no attempt is vacuous.
That run is always an ordinary user's, also where root starts this.

Runners: none, t1, t2 (build/tests/sandbox/run_in_slot), bwrap, bwrap-root, srt, codex. The last two come
from npm: mkdir P && cd P && npm install @anthropic-ai/sandbox-runtime @openai/codex, then --peers P.

Exit code: 0 as expected (t1 contains everything, t2 all but what the attempts themselves list, every goal
is reached without a sandbox), 1 not, 77 nothing to run here.
"""
import argparse
import contextlib
import fcntl
import json
import os
import pty
import secrets
import shutil
import subprocess
import sys
import tempfile
import termios
import time
import traceback
import tty

sys.dont_write_bytecode = True  # the folder of the sources stays as it is

import attempts as attempts_module
import runners as runners_module
import world as world_module

OUTPUT_KEPT = 4 << 20  # bytes; the rest is read and forgotten
SAMPLE_SECONDS = 0.1
PATIENCE_SECONDS = 15  # beyond the attempt's own time, for a loaded machine
CONTROL_TRIES = 3      # that an attempt can reach its goal is shown by one run in which it does
FIRST_UID = 1 << 20    # no account has such ids; one for each lane, so that what is theirs is known


class Terminal:
    """A terminal that controls the runner's session; typed() is what a program has put in its input."""
    def __init__(self):
        self.master, self.slave = pty.openpty()
        tty.setraw(self.slave)

    def take(self):
        os.setsid()
        fcntl.ioctl(self.slave, termios.TIOCSCTTY, 0)

    def heard(self):
        found = []
        for fd, what in ((self.slave, "terminal input"), (self.master, "terminal output")):
            os.set_blocking(fd, False)
            try:
                if os.read(fd, 4096):
                    found.append(what)
            except OSError:
                pass
            os.close(fd)
        return found


def run_one(place, runner, attempt):
    """{effect: details} of one attempt under one runner."""
    mark = "remit-mark-" + secrets.token_hex(8)
    place.begin(mark)
    terminal = Terminal() if attempt.terminal else None
    fds = (world_module.FD_FILE, world_module.FD_FOLDER, world_module.FD_SOCKET)
    process = subprocess.Popen(
        runner.argv(place, attempt.command(place.values(mark)), attempt.wall),
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd=place.workspace,
        env=place.environment(), pass_fds=fds, bufsize=0,
        start_new_session=terminal is None, preexec_fn=terminal.take if terminal else None)
    # Unbuffered, into an empty pipe: all of it is taken at once, unless nobody reads any more.
    with contextlib.suppress(BrokenPipeError):
        process.stdin.write(place.token("stdin").encode() + b"\n")
    process.stdin.close()
    printed, most, late = watch(place, process, attempt, mark)
    found = {}
    if attempt.bound and most > attempt.bound[1]:
        found["bound"] = [f"{attempt.bound[0]} {most}"]
    if terminal and (heard := terminal.heard()):
        found["heard"] = heard
    report = runner.report(place)
    for line in report:
        kind, _, rest = line.partition(" ")
        if kind == "change":
            fields = rest.split(" ", 2)
            if int(fields[1], 8) & 0o6000 or not fields[2].startswith(str(place.workspace) + "/"):
                found.setdefault("changed", []).append(f"listed change {rest}")
    for effect, details in place.effects(mark, printed).items():
        found.setdefault(effect, []).extend(details)
    if b"GOT" in printed:
        found["got"] = ["it says so"]
    return {"attempt": attempt.name, "runner": runner.name, "effects": found, "late": late,
            "degraded": [line[9:] for line in report if line.startswith("degraded ")],
            "printed": printed[-2000:].decode(errors="replace")}


def watch(place, process, attempt, mark):
    """Reads output to its end and takes samples: (printed, most used, whether it had to be ended)."""
    os.set_blocking(process.stdout.fileno(), False)
    printed, most, late = b"", 0, False
    deadline = time.monotonic() + attempt.wall + PATIENCE_SECONDS
    sampled = 0.0
    while True:
        ended = process.poll() is not None
        idle = True
        for _ in range(64):
            try:
                data = os.read(process.stdout.fileno(), 65536)
            except BlockingIOError:
                break
            if not data:
                break
            idle = False
            if len(printed) < OUTPUT_KEPT:
                printed += data
        now = time.monotonic()
        if attempt.bound and now - sampled > SAMPLE_SECONDS:
            most = max(most, place.used(attempt.bound[0], mark))
            sampled = now
        if ended and (idle or now > deadline):
            break
        if now > deadline and not late:
            late = True
            process.kill()
        if idle:
            time.sleep(0.005)
    if attempt.bound:
        most = max(most, place.used(attempt.bound[0], mark))
    process.stdout.close()
    return printed, most, late


def lane(uid, wanted, runners, attempts, into):
    """One process with a World of its own, as that user; results go to `into` as lines of JSON."""
    if uid is not None:
        os.setgroups([])
        os.setresgid(uid, uid, uid)
        os.setresuid(uid, uid, uid)
        world_module.LIBC.prctl(4, 1, 0, 0, 0)  # PR_SET_DUMPABLE
    os.umask(0o022)
    for name in wanted:
        place = world_module.World(runners[name].isolates_workspace)
        try:
            runners[name].prepare(place)
            for attempt in attempts:
                into.write(json.dumps(run_one(place, runners[name], attempt)) + "\n")
                into.flush()
        finally:
            place.close()


def available(runners, wanted, uid):
    """{runner: None or why not}, found out in a child that is the user."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            if uid is not None:
                os.setgroups([])
                os.setresgid(uid, uid, uid)
                os.setresuid(uid, uid, uid)
                world_module.LIBC.prctl(4, 1, 0, 0, 0)
            os.umask(0o022)
            place = world_module.World(False)
            answers = {}
            for name in wanted:
                runners[name].prepare(place)
                answers[name] = runners[name].available(place)
            place.close()
            os.write(writer, json.dumps(answers).encode())
            status = 0
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stderr.flush()
            os._exit(status)
    os.close(writer)
    with os.fdopen(reader, "rb") as answer:
        text = answer.read()
    os.waitpid(child, 0)
    if not text:
        sys.exit("no world can be made here")
    return json.loads(text)


def run_lanes(count, uid, wanted, runners, attempts):
    """All results of these runners, attempts spread over `count` processes."""
    files, children = [], []
    for number in range(count):
        into = tempfile.TemporaryFile("w+")
        child = os.fork()
        if child == 0:
            status = 1
            try:
                lane(None if uid is None else uid + number, wanted, runners, attempts[number::count],
                     into)
                status = 0
            except BaseException:  # the parent must learn it, whatever it is
                traceback.print_exc()
            finally:
                sys.stderr.flush()
                os._exit(status)
        files.append(into)
        children.append(child)
    results, broken = [], False
    for into, child in zip(files, children):
        broken |= os.waitpid(child, 0)[1] != 0
        into.seek(0)
        results += [json.loads(line) for line in into]
    return results, broken


def run_controls(count, uid, runners, attempts):
    """One result of each attempt without a sandbox: the first in which it reaches its goal, or the last.

    A busy machine ends an attempt before its time; it is tried again then, alone. Only here: what one run
    under a sandbox lets through counts, whatever another one does.
    """
    by_name = {attempt.name: attempt for attempt in attempts}
    results, broken = run_lanes(count, uid, ["none"], runners, attempts)
    for _ in range(CONTROL_TRIES - 1):
        again = [by_name[r["attempt"]] for r in results if judge(r, by_name[r["attempt"]])]
        if not again:
            break
        more, worse = run_lanes(1, uid, ["none"], runners, again)
        repeated = {r["attempt"] for r in more}
        results = [r for r in results if r["attempt"] not in repeated] + more
        broken |= worse
    return results, broken


def judge(result, attempt):
    """None if as it should be, else what is wrong."""
    effects, runner = result["effects"], result["runner"]
    details = "; ".join(f"{effect}: {', '.join(map(str, what[:4]))}" for effect, what in effects.items())
    if runner == "none":
        if attempt.no_control:
            return None
        if any(goal in effects for goal in attempt.goals) or (effects and not attempt.goals):
            return None
        return f"does not reach its goal ({' '.join(attempt.goals) or 'any'}) without a sandbox: " \
               f"{details or 'no effect'}; it printed: {result['printed'][-300:]}"
    if runner in ("t1", "t2"):
        if effects and runner not in attempt.through and not any(
                point in attempt.degraded for point in result["degraded"]):
            return f"gets through: {details}; it printed: {result['printed'][-300:]}"
    return None


def print_table(results, attempts, wanted):
    by_name = {attempt.name: attempt for attempt in attempts}
    names = [name for name in wanted if name != "none"]
    print("| Attempts | " + " | ".join(names) + " |")
    print("|---|" + "---|" * len(names))
    for category in attempts_module.CATEGORIES + ["all"]:
        cells = []
        for name in names:
            mine = [r for r in results if r["runner"] == name
                    and category in ("all", by_name[r["attempt"]].category)]
            cells.append(f"{sum(not r['effects'] for r in mine)} / {len(mine)}")
        if any(not cell.endswith(" 0") for cell in cells):
            print(f"| {category} | " + " | ".join(cells) + " |")


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("--run-in-slot", required=True)
    parser.add_argument("--runners", default="t1,t2")
    parser.add_argument("--peers")
    parser.add_argument("--only", action="append")
    parser.add_argument("--lanes", type=int, default=2)
    for flag in ("--full", "--as-user", "--verbose", "--table", "--no-control"):
        parser.add_argument(flag, action="store_true")
    options = parser.parse_args()
    root = os.geteuid() == 0
    if options.as_user and not root:
        print("skipped: this already runs as an ordinary user")
        return 77
    attempts = [a for a in attempts_module.load()
                if not options.only or a.name in options.only or a.category in options.only]
    full = options.full or os.environ.get("REMIT_FULL") == "1"
    tools_folder = tempfile.mkdtemp(prefix="remit-escape-tools-", dir="/var/tmp")
    os.chmod(tools_folder, 0o755)
    try:
        binary = shutil.copy(options.run_in_slot, tools_folder)
        runners = runners_module.all_runners({"run_in_slot": binary, "peers": options.peers})
        uid = FIRST_UID + os.getpid() * 8 if root and options.as_user else None
        control_uid = FIRST_UID + os.getpid() * 8 if root else None
        wanted = options.runners.split(",")
        reasons = available(runners, wanted, uid)
        for name, reason in reasons.items():
            if reason:
                print(f"{name}: cannot run here: {reason}")
        wanted = [name for name in wanted if not reasons[name]]
        if not wanted:
            print("skipped: none of the runners works here")
            return 77
        results, broken = [], False
        if not options.no_control:
            proven = [a for a in attempts if not a.no_control and (full or not a.heavy)]
            results, broken = run_controls(options.lanes, control_uid, runners, proven)
        more, worse = run_lanes(options.lanes, uid, wanted, runners, attempts)
        results += more
        versions = {name: runners[name].version() for name in wanted}
    finally:
        shutil.rmtree(tools_folder, ignore_errors=True)
    by_name = {attempt.name: attempt for attempt in attempts}
    wrong = 0
    for result in results:
        attempt = by_name[result["attempt"]]
        if problem := judge(result, attempt):
            wrong += 1
            print(f"WRONG {result['runner']} {attempt.category}/{attempt.name}: {problem}")
        elif options.verbose and (result["effects"] or result["late"]) and result["runner"] != "none":
            print(f"through {result['runner']} {attempt.category}/{attempt.name}: {result['effects']}"
                  f"{' (had to be ended)' if result['late'] else ''}")
    for name in wanted:
        mine = [r for r in results if r["runner"] == name]
        print(f"{name}: {sum(not r['effects'] for r in mine)} of {len(mine)} contained"
              f" {versions[name]}".rstrip())
    proven = [r for r in results if r["runner"] == "none"]
    print(f"without a sandbox: {sum(bool(r['effects']) for r in proven)} of {len(proven)} reach their goal;"
          f" {sum(bool(a.no_control) for a in attempts)} have no such run, each says why")
    if options.table:
        print_table(results, attempts, wanted)
    if broken or worse:
        print("WRONG: a lane ended before its attempts did")
    return 1 if wrong or broken or worse else 0


if __name__ == "__main__":
    sys.exit(main())
