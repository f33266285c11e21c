/** `shared/selectors.ts`: one suite for all of them. */

import { assertEquals, assertGreater, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { recv, send, setsockopt, SO_LINGER, SOL_SOCKET } from "../shared/linux/socket.ts";
import {
  DefaultSelector,
  EpollSelector,
  EVENT_READ,
  EVENT_WRITE,
  PollSelector,
  type Selector,
  SelectSelector,
} from "../shared/selectors.ts";
import { openDescriptors, Pair } from "./sockets.ts";

const hello = new TextEncoder().encode("hello");

/** What is ready, as the data that was registered with it, and for what. */
function readyOf(selector: Selector<string>, timeout?: number): Record<string, number> {
  return Object.fromEntries(selector.select(timeout).map(({ data, ready }) => [data, ready]));
}

/** What a descriptor refers to; the one that read the folder is gone by now. */
function linkOf(fd: number): string {
  try {
    return Deno.readLinkSync(`/proc/self/fd/${fd}`);
  } catch {
    return "";
  }
}

for (const SelectorClass of [SelectSelector, PollSelector, EpollSelector]) {
  describe(SelectorClass.name, () => {
    it("reports those that are ready, for what they wait for", () => {
      using one = new Pair();
      using two = new Pair();
      using selector = new SelectorClass<string>();
      selector.register(one.server, EVENT_READ, "one");
      selector.register(two.server, EVENT_READ | EVENT_WRITE, "two");
      assertEquals(readyOf(selector, 0), { two: EVENT_WRITE });
      send(one.client, hello);
      send(two.client, hello);
      assertEquals(readyOf(selector), { one: EVENT_READ, two: EVENT_READ | EVENT_WRITE });
      recv(one.server, new Uint8Array(10));
      assertEquals(readyOf(selector), { two: EVENT_READ | EVENT_WRITE });
    });

    it("waits as long as it is told, and not at all with 0", () => {
      using pair = new Pair();
      using selector = new SelectorClass<string>();
      selector.register(pair.server, EVENT_READ, "pair");
      const start = performance.now();
      assertEquals(selector.select(0), []);
      assertEquals(selector.select(30.5), []);
      assertGreater(performance.now() - start, 29);
      assertEquals(selector.select(-1), []);
      send(pair.client, hello);
      for (const ever of [undefined, Infinity, 1e300]) {
        assertEquals(selector.select(ever).length, 1);
      }
      assertThrows(() => selector.select(NaN), RangeError);
    });

    it("tells nothing of what waits for nothing, not even that it is broken", () => {
      using pair = new Pair();
      using selector = new SelectorClass<string>();
      selector.register(pair.server, 0, "pair");
      send(pair.server, hello); // which is not read, so that the close is a reset
      pair.close(pair.client);
      const start = performance.now();
      assertEquals(selector.select(30), []);
      assertGreater(performance.now() - start, 29);
      selector.modify(pair.server, EVENT_READ, "pair");
      assertEquals(readyOf(selector), { pair: EVENT_READ });
      selector.modify(pair.server, 0, "pair");
      assertEquals(selector.select(0), []);
      selector.unregister(pair.server);
    });

    it("watches for something else after modify, with other data, and for nothing with 0", () => {
      using pair = new Pair();
      using selector = new SelectorClass<string>();
      selector.register(pair.server, EVENT_WRITE, "before");
      assertEquals(readyOf(selector), { before: EVENT_WRITE });
      selector.modify(pair.server, EVENT_READ, "after");
      assertEquals(readyOf(selector, 0), {});
      send(pair.client, hello);
      assertEquals(readyOf(selector), { after: EVENT_READ });
      selector.modify(pair.server, EVENT_READ, "other data");
      assertEquals(readyOf(selector), { "other data": EVENT_READ });
      selector.modify(pair.server, 0, "nothing");
      assertEquals(readyOf(selector, 0), {});
    });

    it("forgets what is unregistered, and can have it again", () => {
      const pairs = Array.from({ length: 5 }, () => new Pair());
      using selector = new SelectorClass<string>();
      pairs.forEach(({ server }, i) => selector.register(server, EVENT_WRITE, `${i}`));
      assertEquals(selector.size, 5);
      selector.unregister(pairs[1].server);
      selector.unregister(pairs[4].server);
      assertEquals(Object.keys(readyOf(selector)).sort(), ["0", "2", "3"]);
      selector.register(pairs[1].server, EVENT_WRITE, "again");
      selector.modify(pairs[3].server, EVENT_READ, "3");
      assertEquals(Object.keys(readyOf(selector)).sort(), ["0", "2", "again"]);
      assertEquals(selector.size, 4);
      for (const pair of pairs) pair[Symbol.dispose]();
    });

    it("refuses what is registered already, and what is not registered", () => {
      using pair = new Pair();
      using selector = new SelectorClass<string>();
      const missing = `descriptor ${pair.server} is not registered`;
      assertThrows(() => selector.modify(pair.server, EVENT_READ, ""), Error, missing);
      assertThrows(() => selector.unregister(pair.server), Error, missing);
      selector.register(pair.server, EVENT_READ, "");
      assertThrows(
        () => selector.register(pair.server, EVENT_READ, ""),
        Error,
        "registered already",
      );
      assertEquals(selector.size, 1);
    });

    it("counts a broken connection as ready for what was waited for", () => {
      for (const events of [EVENT_READ, EVENT_WRITE]) {
        using pair = new Pair();
        using selector = new SelectorClass<string>();
        selector.register(pair.server, events, "broken");
        setsockopt(pair.client, SOL_SOCKET, SO_LINGER, 1, 0);
        pair.close(pair.client);
        assertEquals(readyOf(selector), { broken: events });
      }
    });

    it("has its descriptors closed at the end, and those of others open", () => {
      using pair = new Pair();
      const before = openDescriptors();
      {
        using selector = new SelectorClass<string>();
        selector.register(pair.server, EVENT_READ, "");
      }
      assertEquals(openDescriptors(), before);
      send(pair.server, hello);
    });
  });
}

describe("the selectors differ in", () => {
  it("how many descriptors they can watch: select ends at 1,023", () => {
    using selector = new SelectSelector<string>();
    assertThrows(() => selector.register(1024, EVENT_READ, ""), RangeError, "does not fit");
    assertEquals(selector.size, 0);
  });

  it("what they say of a file, which is always ready: epoll refuses it", () => {
    const path = Deno.makeTempFileSync();
    using _file = Deno.openSync(path);
    const fd = [...Deno.readDirSync("/proc/self/fd")].map(({ name }) => Number(name))
      .find((fd) => linkOf(fd) === path)!;
    using poll = new PollSelector<string>();
    poll.register(fd, EVENT_READ, "file");
    assertEquals(readyOf(poll, 0), { file: EVENT_READ });
    using epoll = new EpollSelector<string>();
    assertThrows(() => epoll.register(fd, EVENT_READ, ""), Deno.errors.PermissionDenied, "EPERM");
    assertEquals(epoll.size, 0);
    Deno.removeSync(path);
  });

  it("which is taken by default: epoll", () => {
    assertEquals(DefaultSelector, EpollSelector);
  });
});
