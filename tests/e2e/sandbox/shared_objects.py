"""IPC objects of this user with tokens in them: System V and POSIX memory, semaphores, queues, a key."""
import ctypes
import os
import pathlib
import struct

LIBC = ctypes.CDLL(None, use_errno=True)
LIBC.shmat.restype = ctypes.c_void_p
IPC_CREAT, IPC_EXCL, IPC_RMID, SETVAL, GETVAL = 0o1000, 0o2000, 0, 16, 12
SYS_ADD_KEY, SYS_KEYCTL = (248, 250) if os.uname().machine == "x86_64" else (217, 219)
KEYCTL_SETPERM, KEYCTL_REVOKE, KEYCTL_READ, USER_KEYRING = 5, 3, 11, -4
TELL_ALL = 0x3F3F3F3F  # everybody of every kind may do everything with the key


class SharedObjects:
    def __init__(self, name, token):
        self.name, self.token, self.names = name, token, {}
        self.key_number = int(name[-7:], 16)
        self.plant()

    def plant(self):
        key = self.key_number
        self.shm = LIBC.shmget(key, 4096, IPC_CREAT | 0o600)
        self.sem = LIBC.semget(key, 1, IPC_CREAT | 0o600)
        self.msg = LIBC.msgget(key, IPC_CREAT | 0o600)
        if min(self.shm, self.sem, self.msg) < 0:
            raise OSError(ctypes.get_errno(), "cannot make System V objects")
        memory = LIBC.shmat(self.shm, None, 0)
        ctypes.memmove(memory, self.token("shm").encode(), 27)
        LIBC.shmdt(ctypes.c_void_p(memory))
        LIBC.semctl(self.sem, 0, SETVAL, 7)
        LIBC.msgsnd(self.msg, struct.pack("l", 1) + self.token("msg").encode(), 27, 0)
        self.posix = pathlib.Path("/dev/shm") / self.name
        self.posix.write_text(self.token("posix shm"))
        self.posix.chmod(0o600)
        queue = LIBC.mq_open(f"/{self.name}".encode(), os.O_CREAT | os.O_RDWR, 0o600, None)
        if queue >= 0:
            LIBC.mq_send(queue, self.token("mq").encode(), 27, 0)
            os.close(queue)
        secret = self.token("keyring").encode()
        self.key = LIBC.syscall(SYS_ADD_KEY, b"user", self.name.encode(), secret, len(secret),
                                USER_KEYRING)
        LIBC.syscall(SYS_KEYCTL, KEYCTL_SETPERM, self.key, TELL_ALL)
        self.names.update({"SHM": self.shm, "SEM": self.sem, "MSG": self.msg, "IPC_KEY": key,
                           "POSIX_SHM": self.posix, "MQ": "/" + self.name, "KEY": self.key,
                           "KEY_NAME": self.name})

    def state(self):
        """The kernel's lists of what is ours, and contents where a list does not tell."""
        uid = os.getuid()
        lines = [f"{kind} {line}" for kind in ("shm", "sem", "msg") for line in self.listed(kind)]
        lines.append(f"semaphore {LIBC.semctl(self.sem, 0, GETVAL)}")
        try:
            st = self.posix.stat()
            lines.append(f"posix {st.st_ctime_ns} {st.st_mode}")
        except OSError:
            lines.append("posix gone")
        queue = LIBC.mq_open(f"/{self.name}".encode(), os.O_RDONLY | os.O_NONBLOCK)
        attributes = (ctypes.c_long * 8)()
        if queue >= 0:
            LIBC.mq_getattr(queue, attributes)
            os.close(queue)
        lines.append(f"queue {queue >= 0} {attributes[3]}")
        content = ctypes.create_string_buffer(4096)
        size = LIBC.syscall(SYS_KEYCTL, KEYCTL_READ, USER_KEYRING, content, 4096)
        lines.append(f"keyring {content.raw[:max(size, 0)].hex() if uid != 0 else ''}")
        size = LIBC.syscall(SYS_KEYCTL, KEYCTL_READ, self.key, content, 4096)
        lines.append(f"key {content.raw[:max(size, 0)].hex()}")
        return lines

    def remove_others(self):
        """Objects that attempts have made: an ordinary user's id is this World's alone."""
        for kind, control in (("shm", LIBC.shmctl), ("msg", LIBC.msgctl)):
            for line in self.listed(kind):
                control(int(line.split()[1]), IPC_RMID, None)
        for line in self.listed("sem"):
            LIBC.semctl(int(line.split()[1]), 0, IPC_RMID)

    def listed(self, kind):
        """The kernel's lines about objects of this user, or this World's own where that is root."""
        uid, own = os.getuid(), {"shm": self.shm, "sem": self.sem, "msg": self.msg}[kind]
        for line in pathlib.Path("/proc/sysvipc", kind).read_text().splitlines()[1:]:
            fields = line.split()
            users = fields[4:6] if kind == "sem" else fields[7:9]
            if fields[1] == str(own) or (uid != 0 and str(uid) in users):
                yield line

    def plant_again(self):
        self.close()
        self.plant()

    def close(self):
        self.remove_others()
        self.posix.unlink(missing_ok=True)
        LIBC.mq_unlink(f"/{self.name}".encode())
        LIBC.syscall(SYS_KEYCTL, KEYCTL_REVOKE, self.key)
