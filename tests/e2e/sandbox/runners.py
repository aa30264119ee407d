"""How each sandbox is asked to run one command, with the settings its users give.

All get the same: the workspace may be written (as far as the tool allows that at all), `.env`,
`sub/.env.local`, `private` and the other agent's memory must not be read, no network. Where a tool has
a setting for that, it is set.
"""
import json
import os
import shlex
import shutil
import subprocess

import world

BASH = ["/usr/bin/bash", "--noprofile", "--norc", "-c"]


class Runner:
    """available(): None, or why it cannot run here. argv(): what to start."""
    isolates_workspace = False  # whether a command's writes there stay off the host

    def __init__(self, name, tools):
        self.name, self.tools = name, tools

    def available(self, _place):
        return None

    def prepare(self, _place):
        pass

    def report(self, _place):
        return []

    def version(self):
        return ""


class Bare(Runner):
    """No sandbox: shows that an attempt can reach what it is after."""
    def argv(self, _place, command, _wall):
        return BASH + [command]


class Remit(Runner):
    isolates_workspace = True

    def __init__(self, name, tools, tier):
        super().__init__(name, tools)
        self.tier = tier

    def outcome(self, place):
        return place.state / "outcome"

    def argv(self, place, command, wall):
        (place.state / "slots").mkdir(exist_ok=True)
        self.outcome(place).unlink(missing_ok=True)
        argv = [self.tools["run_in_slot"], "--tier", self.tier, "--workspace", place.workspace,
                "--state", place.state / "slots", "--read-only", place.logs, "--memory", place.memory,
                "--document", "mine/notes.yaml", "--wall", str(int(wall * 1000)),
                "--outcome", self.outcome(place)]
        for mask in world.MASKS + ["planted-mask"]:
            argv += ["--mask", mask]
        return argv + ["--", command]

    def available(self, place):
        tried = subprocess.run(self.argv(place, "true", 5), capture_output=True, check=False)
        return None if tried.returncode == 0 else tried.stderr.decode(errors="replace").strip()

    def report(self, place):
        try:
            return self.outcome(place).read_text(errors="replace").splitlines()
        except OSError:
            return []


class Bubblewrap(Runner):
    """`whole`: the host's tree read-only, as most recipes have it; else a root of /usr and a few of /etc."""
    def __init__(self, name, tools, whole):
        super().__init__(name, tools)
        self.whole = whole

    def argv(self, place, command, _wall):
        view = ["--ro-bind", "/", "/"]
        if not self.whole:
            view = ["--ro-bind", "/usr", "/usr"]
            for name in ("bin", "lib", "lib64", "sbin"):
                view += ["--symlink", f"usr/{name}", f"/{name}"]
            for name in ("/etc/ld.so.cache", "/etc/passwd", "/etc/group", "/etc/alternatives"):
                view += ["--ro-bind", name, name]
            view += ["--ro-bind", place.logs, place.logs]
        view += ["--dev", "/dev", "--proc", "/proc", "--tmpfs", "/tmp",
                 "--bind", place.workspace, place.workspace]
        for mask in world.MASKS:
            target = place.workspace / mask
            view += ["--tmpfs", target] if target.is_dir() else ["--ro-bind", "/dev/null", target]
        view += ["--tmpfs", place.memory / "other"]
        return ["bwrap", *view, "--unshare-all", "--die-with-parent", "--new-session",
                "--chdir", place.workspace, *BASH, command]

    def available(self, place):
        if shutil.which("bwrap") is None:
            return "bwrap is not installed"
        tried = subprocess.run(self.argv(place, "true", 5), capture_output=True, check=False)
        return None if tried.returncode == 0 else tried.stderr.decode(errors="replace").strip()

    def version(self):
        return subprocess.run(["bwrap", "--version"], capture_output=True, text=True,
                              check=False).stdout.strip()


class Npm(Runner):
    """A peer from npm, installed in the folder that --peers names (its node_modules)."""
    program = ""

    def path(self):
        return os.path.join(self.tools["peers"] or "", "node_modules/.bin", self.program)

    def available(self, place):
        if not self.tools["peers"] or not os.path.exists(self.path()):
            return f"{self.program} is not in the folder of --peers"
        self.prepare(place)
        tried = subprocess.run(self.argv(place, "echo ran", 5), capture_output=True, check=False,
                               stdin=subprocess.DEVNULL, cwd=place.workspace, env=place.environment())
        if b"ran" in tried.stdout:
            return None
        return (tried.stderr + tried.stdout).decode(errors="replace").strip() or "it printed nothing"

    def version(self):
        return subprocess.run([self.path(), "--version"], capture_output=True, text=True,
                              check=False).stdout.strip()


class SandboxRuntime(Npm):
    program = "srt"

    def prepare(self, place):
        hidden = [str(place.workspace / mask) for mask in world.MASKS] + [
            str(place.memory / "other"), str(place.home / ".ssh"), str(place.home / ".aws"),
            str(place.state)]
        (place.runner_files / "srt.json").write_text(json.dumps({
            "network": {"allowedDomains": [], "deniedDomains": []},
            "filesystem": {"denyRead": hidden, "allowWrite": [str(place.workspace)],
                           "denyWrite": [str(place.workspace / mask) for mask in world.MASKS]}}))

    def argv(self, place, command, _wall):
        return [self.path(), "--settings", str(place.runner_files / "srt.json"), "-c",
                shlex.join([*BASH, command])]


class Codex(Npm):
    program = "codex"

    def argv(self, place, command, _wall):
        return [self.path(), "sandbox", "-c", 'sandbox_mode="workspace-write"', "--", *BASH, command]


def all_runners(tools):
    return {runner.name: runner for runner in (
        Bare("none", tools), Remit("t1", tools, "t1"), Remit("t2", tools, "t2"),
        Bubblewrap("bwrap", tools, whole=False), Bubblewrap("bwrap-root", tools, whole=True),
        SandboxRuntime("srt", tools), Codex("codex", tools))}
