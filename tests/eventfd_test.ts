/** `shared/linux/eventfd.ts`: a counter that one thread adds to, and that wakes another. */

import { assertEquals, assertThrows } from "@std/assert";
import { close, F_GETFD, F_GETFL, fcntl, FD_CLOEXEC } from "../shared/linux/descriptors.ts";
import {
  epoll_create1,
  epoll_ctl,
  EPOLL_CTL_ADD,
  epoll_wait,
  EpollEvents,
  EPOLLIN,
} from "../shared/linux/epoll.ts";
import { EAGAIN, EBADF } from "../shared/linux/errno.ts";
import {
  EFD_NONBLOCK,
  EFD_SEMAPHORE,
  eventfd,
  tryReadEventfd,
  writeEventfd,
} from "../shared/linux/eventfd.ts";

Deno.test("eventfd() begins at the initial value, and a read takes all", () => {
  const fd = eventfd(5);
  writeEventfd(fd, 2);
  assertEquals([tryReadEventfd(fd), tryReadEventfd(fd)], [7, -EAGAIN]);
  close(fd);
});

Deno.test("eventfd() with EFD_SEMAPHORE gives 1 with each read", () => {
  const fd = eventfd(2, EFD_NONBLOCK | EFD_SEMAPHORE);
  const reads = Array.from({ length: 3 }, () => tryReadEventfd(fd));
  assertEquals(reads, [1, 1, -EAGAIN]);
  close(fd);
});

Deno.test("eventfd() does not wait and is not inherited, unless it is told otherwise", () => {
  const usual = eventfd();
  assertEquals(fcntl(usual, F_GETFD), FD_CLOEXEC);
  assertEquals(fcntl(usual, F_GETFL) & EFD_NONBLOCK, EFD_NONBLOCK);
  const blocking = eventfd(0, 0);
  assertEquals([fcntl(blocking, F_GETFD), fcntl(blocking, F_GETFL) & EFD_NONBLOCK], [0, 0]);
  for (const fd of [usual, blocking]) close(fd);
});

Deno.test("an eventfd is readable from the first write until it is read", () => {
  const [fd, epoll, events] = [eventfd(), epoll_create1(), new EpollEvents(1)];
  epoll_ctl(epoll, EPOLL_CTL_ADD, fd, EPOLLIN);
  assertEquals(epoll_wait(epoll, events, 0), 0);
  writeEventfd(fd);
  assertEquals([epoll_wait(epoll, events, 0), epoll_wait(epoll, events, 0)], [1, 1]);
  tryReadEventfd(fd);
  assertEquals(epoll_wait(epoll, events, 0), 0);
  for (const one of [epoll, fd]) close(one);
});

Deno.test("a write from another thread wakes a thread that waits in epoll_wait", () => {
  const [fd, epoll] = [eventfd(), epoll_create1()];
  epoll_ctl(epoll, EPOLL_CTL_ADD, fd, EPOLLIN);
  const module = new URL("../shared/linux/eventfd.ts", import.meta.url);
  const code = `import { writeEventfd } from "${module}"; writeEventfd(${fd}); self.close();`;
  const worker = new Worker(`data:text/javascript,${encodeURIComponent(code)}`, { type: "module" });
  const ready = epoll_wait(epoll, new EpollEvents(1), 20_000);
  assertEquals([ready, tryReadEventfd(fd)], [1, 1]);
  worker.terminate();
  for (const one of [epoll, fd]) close(one);
});

Deno.test("an eventfd that is closed gives EBADF, and writeEventfd() throws", () => {
  const fd = eventfd();
  close(fd);
  assertEquals(tryReadEventfd(fd), -EBADF);
  assertThrows(() => writeEventfd(fd), Deno.errors.BadResource, "write(");
});
