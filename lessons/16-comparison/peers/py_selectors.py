"""Python's selectors, with a callback for each socket."""

import selectors
import socket

selector = selectors.DefaultSelector()
upper = bytes.maketrans(bytes(range(97, 123)), bytes(range(65, 91)))


def accept(listener):
    connection, _ = listener.accept()
    connection.setblocking(False)
    selector.register(connection, selectors.EVENT_READ, answer)


def answer(connection):
    try:
        received = connection.recv(65536)
    except BlockingIOError:
        return
    except OSError:
        received = b""
    if not received:
        return drop(connection)
    send(connection, received.translate(upper))


def send(connection, rest):
    try:
        sent = connection.send(rest)
    except BlockingIOError:
        sent = 0
    except OSError:
        return drop(connection)
    if sent < len(rest):
        rest = rest[sent:]
        selector.modify(connection, selectors.EVENT_WRITE, lambda c: send(c, rest))
    elif selector.get_key(connection).events != selectors.EVENT_READ:
        selector.modify(connection, selectors.EVENT_READ, answer)


def drop(connection):
    selector.unregister(connection)
    connection.close()


listener = socket.create_server(("127.0.0.1", 0), backlog=4096)
listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
listener.setblocking(False)
selector.register(listener, selectors.EVENT_READ, accept)
print("listening on 127.0.0.1:%d" % listener.getsockname()[1], flush=True)
while True:
    for key, _ in selector.select():
        key.data(key.fileobj)
