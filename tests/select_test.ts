/** `shared/linux/select.ts`, `poll.ts` and `epoll.ts`: one call that waits for many. */

import { assertEquals, assertGreater, assertLess, assertThrows } from "@std/assert";
import { close } from "../shared/linux/descriptors.ts";
import {
  epoll_create1,
  epoll_ctl,
  EPOLL_CTL_ADD,
  EPOLL_CTL_MOD,
  epoll_wait,
  EpollEvents,
  EPOLLIN,
  EPOLLOUT,
  tryEpollCtl,
} from "../shared/linux/epoll.ts";
import { EBADF } from "../shared/linux/errno.ts";
import {
  poll,
  POLLERR,
  POLLHUP,
  POLLIN,
  PollList,
  POLLNVAL,
  POLLOUT,
} from "../shared/linux/poll.ts";
import { FD_SETSIZE, FdSet, select } from "../shared/linux/select.ts";
import { send, setsockopt, SO_LINGER, SOL_SOCKET } from "../shared/linux/socket.ts";
import { Pair } from "./sockets.ts";

const hello = new TextEncoder().encode("hello");

Deno.test("an FdSet has what was added and not deleted", () => {
  const set = new FdSet();
  for (const fd of [0, 31, 32, 1023]) set.add(fd);
  set.delete(31);
  const members = Array.from({ length: FD_SETSIZE }, (_, fd) => fd).filter((fd) => set.has(fd));
  assertEquals(members, [0, 32, 1023]);
  set.clear();
  assertEquals(set.words.every((word) => word === 0), true);
});

Deno.test("an FdSet refuses descriptors of 1,024 and more, and nothing is written", () => {
  const set = new FdSet();
  for (const fd of [1024, 5000, -1, NaN]) {
    assertThrows(() => set.add(fd), RangeError, `descriptor ${fd} does not fit`);
    assertThrows(() => set.has(fd), RangeError);
    assertThrows(() => set.delete(fd), RangeError);
  }
  assertEquals(set.words.length, 32);
  assertEquals(set.words.every((word) => word === 0), true);
  // The kernel itself would look at as many bits as nfds says, also behind the set.
  for (const nfds of [1025, 5000, -1, NaN]) {
    assertThrows(() => select(nfds, set, null, null, 0), RangeError, "does not fit");
  }
});

Deno.test("select leaves only the ready ones in its sets", () => {
  using one = new Pair();
  using two = new Pair();
  const [read, write] = [new FdSet(), new FdSet()];
  read.add(one.server);
  read.add(two.server);
  write.add(one.client);
  send(two.client, hello);
  const nfds = Math.max(one.server, one.client, two.server) + 1;
  assertEquals(select(nfds, read, write, null), 2);
  assertEquals([read.has(one.server), read.has(two.server)], [false, true]);
  assertEquals(write.has(one.client), true);
});

Deno.test("select gives 0 and empty sets when its time is up", () => {
  using pair = new Pair();
  const read = new FdSet();
  read.add(pair.server);
  const start = performance.now();
  assertEquals(select(pair.server + 1, read, null, null, 30), 0);
  assertGreater(performance.now() - start, 28);
  assertEquals(read.has(pair.server), false);
  assertEquals(select(pair.server + 1, read, null, null, 0), 0);
});

Deno.test("select never waits for less than its timeout, and refuses negative times", () => {
  for (const timeout of [0.4, 2.5, 20]) {
    const start = performance.now();
    assertEquals(select(0, null, null, null, timeout), 0);
    assertGreater(performance.now() - start, timeout - 0.01);
  }
  assertThrows(() => select(0, null, null, null, -1), Error, "EINVAL");
  assertThrows(() => select(0, null, null, null, NaN), RangeError);
});

Deno.test("the highest descriptor of a set is waited for as well", () => {
  using pair = new Pair();
  const write = new FdSet();
  write.add(pair.server);
  assertEquals(select(pair.server, null, write, null, 0), 0); // one too low: not looked at
  write.add(pair.server);
  assertEquals(select(pair.server + 1, null, write, null, 0), 1);
});

// A child process, since the runner is to be neither blocked nor sent signals.
Deno.test("a signal ends the wait of select, poll and epoll_wait, with nothing ready", async () => {
  const linux = new URL("../shared/linux/", import.meta.url);
  const code = `
    import { close } from "${linux}descriptors.ts";
    import { epoll_create1, epoll_wait, EpollEvents } from "${linux}epoll.ts";
    import { poll, PollList } from "${linux}poll.ts";
    import { FdSet, select } from "${linux}select.ts";
    import { listenTcp } from "${linux}socket.ts";
    Deno.addSignalListener("SIGWINCH", () => {});
    const listener = listenTcp({ host: "127.0.0.1", port: 0 });
    const read = new FdSet();
    const list = new PollList();
    const [epoll, events] = [epoll_create1(), new EpollEvents(1)];
    const waits = {
      select: () => select(listener + 1, read, null, null, 10_000),
      poll: () => poll(list, 10_000),
      epoll_wait: () => epoll_wait(epoll, events, 10_000),
    };
    const results = {};
    for (const [name, wait] of Object.entries(waits)) {
      read.add(listener);
      console.log("waiting");
      results[name] = wait();
      if (name === "select") results.set = read.has(listener);
    }
    console.log(JSON.stringify(results));
    Deno.exit(0);`;
  const process = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", `data:text/javascript,${encodeURIComponent(code)}`],
    stdin: "null",
    stdout: "piped",
  }).spawn();
  const start = performance.now();
  // Whether it waits already cannot be seen, so the signal is sent until the process has ended.
  const timer = setInterval(() => {
    try {
      process.kill("SIGWINCH");
    } catch {
      // It has ended, and its status has not been read yet.
    }
  }, 20);
  const ended = process.status.finally(() => clearInterval(timer));
  const lines = (await new Response(process.stdout).text()).trim().split("\n");
  assertEquals((await ended).code, 0);
  assertEquals(JSON.parse(lines.at(-1)!), {
    select: 0,
    set: false,
    poll: 0,
    epoll_wait: 0,
  });
  assertLess(performance.now() - start, 9_000);
});

Deno.test("select gives BadResource for a descriptor that is not open", () => {
  const pair = new Pair();
  const closed = pair.server;
  pair[Symbol.dispose]();
  const read = new FdSet();
  read.add(closed);
  assertThrows(() => select(closed + 1, read, null, null, 0), Deno.errors.BadResource, "select");
});

Deno.test("poll answers for each descriptor in its list, which outlives the call", () => {
  using pair = new Pair();
  const list = new PollList();
  list.add(pair.server, POLLIN);
  list.add(pair.client, POLLIN);
  assertEquals(poll(list, 0), 0);
  send(pair.client, hello);
  for (let i = 0; i < 2; i++) {
    assertEquals(poll(list, -1), 1);
    assertEquals([list.revents(0), list.revents(1)], [POLLIN, 0]);
  }
  list.watch(1, POLLOUT);
  assertEquals(poll(list, -1), 2);
  assertEquals([list.revents(0), list.revents(1)], [POLLIN, POLLOUT]);
});

Deno.test("poll reports a reset whatever was requested, unless the entry is switched off", () => {
  using pair = new Pair();
  setsockopt(pair.client, SOL_SOCKET, SO_LINGER, 1, 0);
  pair.close(pair.client); // with this option, close sends a RST
  const list = new PollList();
  list.add(pair.server, POLLIN);
  for (let i = 0; i < 2; i++) {
    assertEquals(poll(list, -1), 1);
    assertEquals(list.revents(0), POLLIN | POLLERR | POLLHUP);
  }
  list.memory[1] = 0; // events = 0, and the descriptor as it is
  assertEquals(poll(list, 0), 1);
  assertEquals(list.revents(0), POLLERR | POLLHUP);
  list.watch(0, 0);
  assertEquals([poll(list, 0), list.fd(0)], [0, pair.server]);
});

Deno.test("poll names the descriptor that is not open", () => {
  const list = new PollList();
  list.add(1000, POLLIN);
  assertEquals(poll(list, 0), 1);
  assertEquals(list.revents(0), POLLNVAL);
});

Deno.test("a PollList grows, and its last entry takes the place of a deleted one", () => {
  const list = new PollList();
  for (let fd = 0; fd < 3000; fd++) list.add(fd, fd % 2 === 0 ? POLLIN : POLLOUT);
  assertEquals([list.length, list.fd(2999)], [3000, 2999]);
  list.delete(10);
  assertEquals([list.length, list.fd(10), list.fd(11)], [2999, 2999, 11]);
  list.delete(2998);
  assertEquals(list.length, 2998);
});

Deno.test("epoll reports only those that are ready, level-triggered while they are", () => {
  using one = new Pair();
  using two = new Pair();
  const epoll = epoll_create1();
  const events = new EpollEvents(8);
  epoll_ctl(epoll, EPOLL_CTL_ADD, one.server, EPOLLIN);
  epoll_ctl(epoll, EPOLL_CTL_ADD, two.server, EPOLLIN);
  assertEquals(epoll_wait(epoll, events, 0), 0);
  send(two.client, hello);
  for (let i = 0; i < 2; i++) {
    assertEquals(epoll_wait(epoll, events, -1), 1);
    assertEquals([events.fd(0), events.events(0)], [two.server, EPOLLIN]);
  }
  epoll_ctl(epoll, EPOLL_CTL_MOD, one.server, EPOLLOUT);
  assertEquals(epoll_wait(epoll, events, -1), 2);
  const reported = new Map([0, 1].map((i) => [events.fd(i), events.events(i)]));
  assertEquals([reported.get(one.server), reported.get(two.server)], [EPOLLOUT, EPOLLIN]);
  close(epoll);
});

Deno.test("epoll_wait reports what there is room for, and the rest after that", () => {
  const pairs = Array.from({ length: 5 }, () => new Pair());
  const epoll = epoll_create1();
  for (const { server } of pairs) epoll_ctl(epoll, EPOLL_CTL_ADD, server, EPOLLOUT);
  const events = new EpollEvents(3);
  const seen = new Set<number>();
  for (let i = 0; i < 4; i++) {
    const ready = epoll_wait(epoll, events, 0);
    assertLess(ready, 4);
    for (let j = 0; j < ready; j++) seen.add(events.fd(j));
  }
  assertEquals(seen.size, 5);
  close(epoll);
  for (const pair of pairs) pair[Symbol.dispose]();
});

Deno.test("epoll_ctl gives BadResource for a descriptor that is not open", () => {
  const epoll = epoll_create1();
  assertEquals(tryEpollCtl(epoll, EPOLL_CTL_ADD, 1000, EPOLLIN), -EBADF);
  assertThrows(() => epoll_ctl(epoll, EPOLL_CTL_ADD, 1000, EPOLLIN), Deno.errors.BadResource);
  close(epoll);
});
