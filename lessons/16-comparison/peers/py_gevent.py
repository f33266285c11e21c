"""gevent: a greenlet for each client, in straight-line code."""

import socket

from gevent.server import StreamServer

upper = bytes.maketrans(bytes(range(97, 123)), bytes(range(65, 91)))


def serve(connection, address):
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    try:
        while received := connection.recv(65536):
            connection.sendall(received.translate(upper))
    except OSError:
        pass  # a reset concerns this client alone


server = StreamServer(("127.0.0.1", 0), serve, backlog=4096)
server.start()
print("listening on 127.0.0.1:%d" % server.server_port, flush=True)
server.serve_forever()
