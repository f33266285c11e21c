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
import { poll, POLLIN, PollList, POLLNVAL, POLLOUT } from "../shared/linux/poll.ts";
import { FD_SETSIZE, FdSet, select, trySelect } from "../shared/linux/select.ts";
import { send } from "../shared/linux/socket.ts";
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
  assertThrows(() => select(1025, set, null, null, 0), RangeError, "does not fit");
});

Deno.test("select leaves only the ready ones in its sets", () => {
  using one = new Pair();
  using two = new Pair();
  const [read, write] = [new FdSet(), new FdSet()];
  read.add(one.server);
  read.add(two.server);
  write.add(one.client);
  send(two.client, hello);
  assertEquals(select(64, read, write, null), 2);
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

Deno.test("select gives BadResource for a descriptor that is not open", () => {
  const pair = new Pair();
  const closed = pair.server;
  pair[Symbol.dispose]();
  const read = new FdSet();
  read.add(closed);
  assertThrows(() => select(closed + 1, read, null, null, 0), Deno.errors.BadResource, "select");
  assertEquals(trySelect(closed + 1, read, null, null, 0), -EBADF);
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

Deno.test("epoll reports only those that are ready, level-triggered as long as they are", () => {
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
