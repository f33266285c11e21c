"""Python's asyncio, with a protocol, which is its fastest interface; with "uvloop" on uvloop."""

import asyncio
import sys

if "uvloop" in sys.argv:
    import uvloop

    asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())

upper = bytes.maketrans(bytes(range(97, 123)), bytes(range(65, 91)))


class Shout(asyncio.Protocol):
    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, received):
        self.transport.write(received.translate(upper))

    # While the client does not read, nothing more is read from it.
    def pause_writing(self):
        self.transport.pause_reading()

    def resume_writing(self):
        self.transport.resume_reading()


async def main():
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Shout, "127.0.0.1", 0, backlog=4096)
    print("listening on 127.0.0.1:%d" % server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


asyncio.run(main())
