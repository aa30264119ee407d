"""Servers on the loopback device and on unix sockets that tell a token to whoever connects."""
import os
import selectors
import socket
import threading


class Listeners:
    def __init__(self, folder, name, token):
        folder.mkdir(mode=0o755)
        self.token, self.said, self.lock = token.encode(), [], threading.Lock()
        self.selector, self.stop = selectors.DefaultSelector(), False
        self.names = {"STREAM": folder / "stream", "DATAGRAM": folder / "datagram",
                      "PACKET": folder / "packet", "ABSTRACT": name + "-stream",
                      "ABSTRACT_DATAGRAM": name + "-datagram", "FIFO": folder / "fifo"}
        self.open("unix stream", socket.AF_UNIX, socket.SOCK_STREAM, str(self.names["STREAM"]))
        self.open("unix datagram", socket.AF_UNIX, socket.SOCK_DGRAM, str(self.names["DATAGRAM"]))
        self.open("unix packet", socket.AF_UNIX, socket.SOCK_SEQPACKET, str(self.names["PACKET"]))
        self.open("abstract stream", socket.AF_UNIX, socket.SOCK_STREAM, "\0" + self.names["ABSTRACT"])
        self.open("abstract datagram", socket.AF_UNIX, socket.SOCK_DGRAM,
                  "\0" + self.names["ABSTRACT_DATAGRAM"])
        self.names["TCP"] = self.open("tcp", socket.AF_INET, socket.SOCK_STREAM, ("127.0.0.1", 0))
        self.names["UDP"] = self.open("udp", socket.AF_INET, socket.SOCK_DGRAM, ("127.0.0.1", 0))
        self.names["TCP_ANY"] = self.open("tcp any", socket.AF_INET, socket.SOCK_STREAM, ("0.0.0.0", 0))
        self.names["TCP6"] = self.names["UDP6"] = 1
        if socket.has_ipv6 and os.path.exists("/proc/net/if_inet6"):
            self.names["TCP6"] = self.open("tcp6", socket.AF_INET6, socket.SOCK_STREAM, ("::1", 0))
            self.names["UDP6"] = self.open("udp6", socket.AF_INET6, socket.SOCK_DGRAM, ("::1", 0))
        os.mkfifo(self.names["FIFO"])
        self.fifo = os.open(self.names["FIFO"], os.O_RDWR | os.O_NONBLOCK)
        self.selector.register(self.fifo, selectors.EVENT_READ, ("fifo", "pipe"))
        self.own, self.given = socket.socketpair()
        self.own.setblocking(False)
        self.selector.register(self.own, selectors.EVENT_READ, ("inherited socket", "connection"))
        # Rung by settle(), heard by serve().
        self.bell, self.hammer = socket.socketpair()
        self.selector.register(self.bell, selectors.EVENT_READ, ("", "bell"))
        self.rung = threading.Event()
        threading.Thread(target=self.serve, daemon=True).start()

    def open(self, what, family, kind, address):
        server = socket.socket(family, kind)
        server.bind(address)
        server.setblocking(False)
        if kind != socket.SOCK_DGRAM:
            server.listen(16)
        self.selector.register(server, selectors.EVENT_READ,
                               (what, "datagram" if kind == socket.SOCK_DGRAM else "server"))
        return server.getsockname()[1] if family != socket.AF_UNIX else None

    def pair_end(self):
        return self.given.fileno()

    def serve(self):
        while not self.stop:
            for key, _ in self.selector.select(0.2):
                what, kind = key.data
                try:
                    said = self.answer(key.fileobj, what, kind)
                except OSError as error:
                    said = what if kind != "pipe" else None
                    if kind == "connection" or error.errno == 32:
                        said = None
                if said:
                    with self.lock:
                        self.said.append(said)

    def answer(self, file, what, kind):
        if kind == "bell":
            file.recv(1)
            self.rung.set()
            return None
        if kind == "pipe":
            return what if os.read(file, 65536) else None
        if kind == "server":
            connection, _ = file.accept()
            connection.setblocking(False)
            connection.send(self.token)
            self.selector.register(connection, selectors.EVENT_READ, (what, "connection"))
            return what
        if kind == "datagram":
            _, sender = file.recvfrom(65536)
            if sender:
                file.sendto(self.token, sender)
            return what
        if file.recv(65536):
            return what
        self.selector.unregister(file)
        file.close()
        return None

    def forget(self):
        self.settle()
        with self.lock:
            self.said = []

    def settle(self):
        """Until what was sent before is taken: it waits in the kernel when its sender has ended. The bell may
        be looked at before others of its round, and a connection is read in the round after its opening."""
        for _ in range(3):
            self.rung.clear()
            self.hammer.send(b"x")
            if not self.rung.wait(30):
                raise RuntimeError("the listeners' thread is gone")

    def heard(self):
        self.settle()
        with self.lock:
            return sorted(set(self.said))

    def close(self):
        self.stop = True
