/** `shared/linux/socket.ts`: what the calls do, and what they refuse. */

import { assert, assertEquals, assertGreater, assertLess, assertThrows } from "@std/assert";
import { getAvailablePort } from "@std/net";
import {
  close,
  F_GETFD,
  F_GETFL,
  F_SETFL,
  fcntl,
  FD_CLOEXEC,
  getrlimit,
  O_NONBLOCK,
  RLIMIT_NOFILE,
  setrlimit,
} from "../shared/linux/descriptors.ts";
import {
  EAGAIN,
  ECONNREFUSED,
  ECONNRESET,
  EINPROGRESS,
  EMFILE,
  EPIPE,
  type SystemError,
} from "../shared/linux/errno.ts";
import { Message, recvmsg, SO_TIMESTAMPNS, tryRecvmsg } from "../shared/linux/recvmsg.ts";
import { FdSet, select } from "../shared/linux/select.ts";
import {
  AF_INET,
  bind,
  connect,
  getsockname,
  getsockopt,
  IPPROTO_TCP,
  isOutOfResources,
  listenTcp,
  MSG_DONTWAIT,
  MSG_PEEK,
  MSG_TRUNC,
  MSG_WAITALL,
  recv,
  send,
  sendAll,
  setsockopt,
  SHUT_WR,
  shutdown,
  SO_ERROR,
  SO_LINGER,
  SO_REUSEADDR,
  SO_SNDBUF,
  SOCK_NONBLOCK,
  SOCK_STREAM,
  sockaddrIn,
  socket,
  SOL_SOCKET,
  TCP_NODELAY,
  tryAccept4,
  tryConnect,
  tryRecv,
  trySend,
} from "../shared/linux/socket.ts";
import { clock_gettime, CLOCK_REALTIME, sleep } from "../shared/linux/time.ts";
import { ANYWHERE, openDescriptors, Pair } from "./sockets.ts";

const hello = new TextEncoder().encode("hello");

function reset(pair: Pair, fd: number) {
  setsockopt(fd, SOL_SOCKET, SO_LINGER, 1, 0);
  pair.close(fd);
}

Deno.test("sockaddrIn() lays out a struct sockaddr_in", () => {
  const bytes = sockaddrIn({ host: "127.0.0.1", port: 8080 });
  assertEquals([...bytes], [2, 0, 0x1f, 0x90, 127, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0]);
});

Deno.test("sockaddrIn() throws TypeError for a host that is not a numeric IPv4 address", () => {
  for (
    const host of [
      "localhost",
      "",
      "1.2.3",
      "1.2.3.4.5",
      "256.1.1.1",
      "01.2.3.4",
      "::1",
      "a.b.c.d",
      "1.2.3.4 ",
      "1.2.3.-4",
      "1.2.3.0x4",
      "1.2.3.",
      "0300.1.1.1",
    ]
  ) {
    assertThrows(() => sockaddrIn({ host, port: 1 }), TypeError, `"${host}" is not a numeric`);
  }
});

Deno.test("sockaddrIn() throws RangeError for a port that is none", () => {
  for (const port of [-1, 65536, 1.5, NaN, Infinity]) {
    assertThrows(() => sockaddrIn({ ...ANYWHERE, port }), RangeError, `${port} is not a port`);
  }
});

Deno.test("getsockname() gives the address that a socket is bound to", () => {
  const port = getAvailablePort();
  const listener = listenTcp({ host: "127.0.0.1", port });
  assertEquals(getsockname(listener), { host: "127.0.0.1", port });
  close(listener);
});

Deno.test("listenTcp() throws AddrInUse if the port is taken, and leaves none open", () => {
  const listener = listenTcp(ANYWHERE);
  const before = openDescriptors();
  assertThrows(() => listenTcp(getsockname(listener)), Deno.errors.AddrInUse, "EADDRINUSE");
  assertEquals(openDescriptors(), before);
  close(listener);
});

Deno.test("listenTcp() sets SO_REUSEADDR, and TCP_NODELAY, which accepted sockets inherit", () => {
  const listener = listenTcp(ANYWHERE);
  assertEquals(getsockopt(listener, SOL_SOCKET, SO_REUSEADDR), 1);
  close(listener);
  using pair = new Pair();
  assertEquals(getsockopt(pair.server, IPPROTO_TCP, TCP_NODELAY), 1);
});

Deno.test("tryAccept4() does not pass O_NONBLOCK on from the listener, on Linux", () => {
  const listener = listenTcp(ANYWHERE, SOCK_NONBLOCK);
  assertEquals(tryAccept4(listener), -EAGAIN);
  const client = socket(AF_INET, SOCK_STREAM);
  connect(client, getsockname(listener));
  const connection = tryAccept4(listener);
  assertEquals(fcntl(listener, F_GETFL) & O_NONBLOCK, O_NONBLOCK);
  assertEquals(fcntl(connection, F_GETFL) & O_NONBLOCK, 0);
  for (const fd of [connection, client, listener]) close(fd);
});

Deno.test("listenTcp() can have a port whose last connections are in TIME_WAIT", () => {
  const first = listenTcp(ANYWHERE);
  const address = getsockname(first);
  const client = socket(AF_INET, SOCK_STREAM);
  connect(client, address);
  // The side that closes first is the one that the kernel keeps in TIME_WAIT: the server's.
  for (const fd of [tryAccept4(first), client, first]) close(fd);
  const bare = socket(AF_INET, SOCK_STREAM);
  assertThrows(() => bind(bare, address), Deno.errors.AddrInUse);
  close(bare);
  close(listenTcp(address));
});

Deno.test("tryAccept4() gives -EMFILE without a free descriptor; the client stays queued", () => {
  const listener = listenTcp(ANYWHERE, SOCK_NONBLOCK);
  const client = socket(AF_INET, SOCK_STREAM);
  connect(client, getsockname(listener));
  const { soft, hard } = getrlimit(RLIMIT_NOFILE);
  const free = socket(AF_INET, SOCK_STREAM);
  close(free);
  try {
    setrlimit(RLIMIT_NOFILE, { soft: free, hard });
    assertEquals(tryAccept4(listener), -EMFILE);
    assert(isOutOfResources(-EMFILE));
  } finally {
    setrlimit(RLIMIT_NOFILE, { soft, hard });
  }
  const connection = tryAccept4(listener);
  assertGreater(connection, 0);
  for (const fd of [connection, client, listener]) close(fd);
  for (const result of [0, 7, -EAGAIN, -ECONNRESET]) {
    assertEquals(isOutOfResources(result), false);
  }
});

Deno.test("listenTcp() and tryAccept4() make nothing that other programs inherit", () => {
  const listener = listenTcp(ANYWHERE);
  assertEquals(fcntl(listener, F_GETFD), FD_CLOEXEC);
  close(listener);
  using pair = new Pair();
  assertEquals(fcntl(pair.server, F_GETFD), FD_CLOEXEC);
});

Deno.test("bind() throws for a socket that is bound", () => {
  const listener = listenTcp(ANYWHERE);
  assertThrows(() => bind(listener, ANYWHERE), Error, "bind");
  close(listener);
});

Deno.test("connect() throws ConnectionRefused, tryConnect() gives -ECONNREFUSED", () => {
  const address = { host: "127.0.0.1", port: getAvailablePort() };
  const fd = socket(AF_INET, SOCK_STREAM);
  assertEquals(tryConnect(fd, address), -ECONNREFUSED);
  assertThrows(() => connect(fd, address), Deno.errors.ConnectionRefused);
  close(fd);
});

Deno.test("tryConnect() gives -EINPROGRESS on a non-blocking socket; SO_ERROR reports once", () => {
  const address = { host: "127.0.0.1", port: getAvailablePort() };
  const fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK);
  const result = tryConnect(fd, address);
  if (result === -EINPROGRESS) {
    const write = new FdSet();
    write.add(fd);
    assertEquals(select(fd + 1, null, write, null, 1000), 1);
    assertEquals(getsockopt(fd, SOL_SOCKET, SO_ERROR), ECONNREFUSED);
    assertEquals(getsockopt(fd, SOL_SOCKET, SO_ERROR), 0);
  } else assertEquals(result, -ECONNREFUSED); // over loopback the answer may be there at once
  close(fd);
});

Deno.test("recv() puts what send() has sent at the beginning of the buffer", () => {
  using pair = new Pair();
  assertEquals(send(pair.client, hello), 5);
  const buffer = new Uint8Array(10);
  assertEquals(recv(pair.server, buffer), 5);
  assertEquals([...buffer], [...hello, 0, 0, 0, 0, 0]);
});

Deno.test("recv() and send() respect a length, and where a view begins", () => {
  using pair = new Pair();
  assertEquals(send(pair.client, hello.subarray(1), 3), 3);
  const buffer = new Uint8Array(10);
  assertEquals(recv(pair.server, buffer.subarray(4), 2), 2);
  assertEquals(new TextDecoder().decode(buffer.subarray(4, 7)), "el\0");
});

Deno.test("recv() throws WouldBlock, and tryRecv() gives -EAGAIN, when nothing has arrived", () => {
  using pair = new Pair(SOCK_NONBLOCK);
  const buffer = new Uint8Array(10);
  assertEquals(tryRecv(pair.server, buffer), -EAGAIN);
  assertThrows(() => recv(pair.server, buffer), Deno.errors.WouldBlock, "EAGAIN");
  assertEquals(tryRecv(pair.client, buffer, 10, MSG_DONTWAIT), -EAGAIN);
});

Deno.test("send() throws WouldBlock, trySend() gives -EAGAIN, when the kernel has no room", () => {
  using pair = new Pair(SOCK_NONBLOCK);
  setsockopt(pair.server, SOL_SOCKET, SO_SNDBUF, 4096);
  const bytes = new Uint8Array(1024 * 1024);
  let sent = 0;
  for (let n = 0; (n = trySend(pair.server, bytes)) >= 0;) sent += n;
  assertGreater(sent, 0);
  assertLess(sent, 100 * bytes.length);
  assertEquals(trySend(pair.server, bytes), -EAGAIN);
  assertThrows(() => send(pair.server, bytes), Deno.errors.WouldBlock);
});

Deno.test("recv() gives 0 at the end of the input, after a shutdown of the other side", () => {
  using pair = new Pair();
  shutdown(pair.client, SHUT_WR);
  assertEquals(recv(pair.server, new Uint8Array(1)), 0);
  sendAll(pair.server, hello); // the other direction is still open
  assertEquals(recv(pair.client, new Uint8Array(10)), 5);
});

Deno.test("recv() throws ConnectionReset after a reset, and then send() throws BrokenPipe", () => {
  using pair = new Pair();
  reset(pair, pair.client);
  assertThrows(() => recv(pair.server, new Uint8Array(1)), Deno.errors.ConnectionReset);
  assertThrows(() => send(pair.server, hello), Deno.errors.BrokenPipe, "EPIPE");
  using another = new Pair();
  reset(another, another.client);
  assertEquals(tryRecv(another.server, new Uint8Array(1)), -ECONNRESET);
  assertEquals(trySend(another.server, hello), -EPIPE);
});

Deno.test("recv() throws an error that says what failed, on which descriptor, and why", () => {
  using pair = new Pair(SOCK_NONBLOCK);
  const error = assertThrows(() => recv(pair.server, new Uint8Array(1)), Deno.errors.WouldBlock);
  const { code, errno, syscall } = error as unknown as SystemError;
  assertEquals([code, errno, syscall], ["EAGAIN", EAGAIN, "recv"]);
  const words = "Resource temporarily unavailable";
  assertEquals(error.message, `recv(${pair.server}): EAGAIN (${words})`);
});

Deno.test("recv() with MSG_TRUNC counts the bytes and discards them, without copying", () => {
  using pair = new Pair();
  send(pair.client, hello);
  const buffer = new Uint8Array(10);
  assertEquals(recv(pair.server, buffer, 3, MSG_TRUNC), 3);
  assertEquals([...buffer], new Array(10).fill(0));
  assertEquals(recv(pair.server, buffer), 2); // what is left
  assertEquals(new TextDecoder().decode(buffer.subarray(0, 2)), "lo");
});

Deno.test("sendAll() sends as many bytes as it was asked to, and no others", () => {
  using pair = new Pair();
  sendAll(pair.client, hello, 4);
  sendAll(pair.client, hello.subarray(4));
  sendAll(pair.client, hello, 0);
  shutdown(pair.client, SHUT_WR);
  const buffer = new Uint8Array(10);
  const length = recv(pair.server, buffer, 10, MSG_WAITALL);
  assertEquals(new TextDecoder().decode(buffer.subarray(0, length)), "hello");
});

Deno.test("sendAll() goes on after a send that the kernel has cut short", () => {
  using pair = new Pair();
  // With a time limit, which is a struct timeval, even a blocking send ends with a part of it.
  const SO_SNDTIMEO = 21;
  setsockopt(pair.server, SOL_SOCKET, SO_SNDTIMEO, 0, 0, 20_000, 0);
  const bytes = new Uint8Array(16 * 1024 * 1024);
  assertThrows(() => sendAll(pair.server, bytes), Deno.errors.WouldBlock, "send(");
});

Deno.test("tryRecv() and trySend() throw RangeError for a length that does not fit", () => {
  const buffer = new Uint8Array(10);
  // The descriptor does not exist: the kernel would have said EBADF.
  for (const length of [11, -1, NaN, 2 ** 32]) {
    assertThrows(() => tryRecv(-1, buffer, length), RangeError, "buffer of 10 bytes");
    assertThrows(() => trySend(-1, buffer, length), RangeError, "buffer of 10 bytes");
  }
  assertThrows(() => tryRecv(-1, new Uint8Array()), RangeError);
  const detached = new Uint8Array(10);
  detached.buffer.transfer();
  assertThrows(() => tryRecv(-1, detached, 10), RangeError);
  assertThrows(() => tryRecv(-1, detached), RangeError);
  assertThrows(() => trySend(-1, detached, 10), RangeError);
  assertThrows(() => new Message(new Uint8Array()), RangeError);
});

Deno.test("recvmsg() reports when the bytes arrived, if SO_TIMESTAMPNS is set", () => {
  using pair = new Pair(SOCK_NONBLOCK);
  const message = new Message(new Uint8Array(10));
  assertEquals(tryRecvmsg(pair.server, message), -EAGAIN);
  send(pair.client, hello);
  assertEquals(recvmsg(pair.server, message), 5);
  assertEquals(message.arrival, undefined);

  setsockopt(pair.server, SOL_SOCKET, SO_TIMESTAMPNS, 1);
  // The kernel switches its stamps on with a delay, in a thread of its own.
  let arrival: number | undefined;
  for (let i = 0; arrival === undefined && i < 100; i++) {
    const before = clock_gettime(CLOCK_REALTIME);
    send(pair.client, hello);
    const after = clock_gettime(CLOCK_REALTIME);
    sleep(10);
    assertEquals(recvmsg(pair.server, message), 5);
    arrival = message.arrival;
    if (arrival === undefined) continue;
    assertGreater(arrival, before - 0.01);
    assertLess(arrival, after + 1);
  }
  assert(arrival !== undefined, "no time of arrival was reported");

  shutdown(pair.client, SHUT_WR);
  assertEquals(recvmsg(pair.server, message), 0);
  assertEquals(message.arrival, undefined);
});

Deno.test("recvmsg() throws RangeError for a message whose memory was given away", () => {
  using pair = new Pair(SOCK_NONBLOCK);
  send(pair.client, hello);
  const message = new Message(new Uint8Array(10));
  const owner = new Uint8Array(message.buffer.buffer.transfer());
  assertThrows(() => tryRecvmsg(pair.server, message), RangeError, "10 bytes do not go with");
  assertThrows(() => recvmsg(pair.server, message), RangeError);
  assertEquals([...owner], new Array(10).fill(0));
  assertEquals(recv(pair.server, owner), 5); // the bytes are still there
});

Deno.test("recvmsg() with MSG_PEEK and MSG_TRUNC counts bytes without copying them", () => {
  using pair = new Pair();
  send(pair.client, hello);
  const message = new Message(new Uint8Array(10));
  assertEquals(recvmsg(pair.server, message, MSG_PEEK | MSG_TRUNC), 5);
  assertEquals([...message.buffer], new Array(10).fill(0));
  assertEquals(recvmsg(pair.server, message), 5);
  assertEquals(new TextDecoder().decode(message.buffer.subarray(0, 5)), "hello");
});

Deno.test("fcntl() makes a socket non-blocking", () => {
  using pair = new Pair();
  fcntl(pair.server, F_SETFL, fcntl(pair.server, F_GETFL) | O_NONBLOCK);
  assertEquals(tryRecv(pair.server, new Uint8Array(1)), -EAGAIN);
});
