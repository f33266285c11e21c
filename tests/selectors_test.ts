/** `shared/selectors/`: one suite, in terms of the interface, for all of them. */

import { assert, assertEquals, assertGreater, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { recv, send, setsockopt, SO_LINGER, SOL_SOCKET } from "../shared/linux/socket.ts";
import { DefaultSelector } from "../shared/selectors/default.ts";
import { EpollSelector } from "../shared/selectors/epoll.ts";
import { PollSelector } from "../shared/selectors/poll.ts";
import { SelectSelector } from "../shared/selectors/select.ts";
import { EVENT_READ, EVENT_WRITE, type Selector } from "../shared/selectors/selector.ts";
import { openDescriptors, Pair } from "./sockets.ts";

const hello = new TextEncoder().encode("hello");

/** What is ready, as the data that was registered with it, and for what. */
function readyOf(selector: Selector<string>, timeout?: number): Record<string, number> {
  return Object.fromEntries(selector.select(timeout).map(({ data, ready }) => [data, ready]));
}

function assertUnknown(selector: Selector<string>, fd: number) {
  assertThrows(() => selector.unregister(fd), Error, `descriptor ${fd} is not registered`);
}

/** What a descriptor refers to; the one that read the folder is gone by now. */
function linkOf(fd: number): string {
  try {
    return Deno.readLinkSync(`/proc/self/fd/${fd}`);
  } catch {
    return "";
  }
}

const selectors = { SelectSelector, PollSelector, EpollSelector };

for (const [name, SelectorClass] of Object.entries(selectors)) {
  describe(name, () => {
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

    it("waits until the timeout, and not at all with 0", () => {
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

    it("reports nothing of what waits for nothing, not even that it is broken", () => {
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

    it("modify changes what is watched for and the data, and 0 ends the watching", () => {
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

    it("unregister forgets a descriptor, which can be registered again", () => {
      const pairs = Array.from({ length: 5 }, () => new Pair());
      using selector = new SelectorClass<string>();
      pairs.forEach(({ server }, i) => selector.register(server, EVENT_WRITE, `${i}`));
      selector.unregister(pairs[1].server);
      selector.unregister(pairs[4].server);
      assertEquals(Object.keys(readyOf(selector)).sort(), ["0", "2", "3"]);
      selector.register(pairs[1].server, EVENT_WRITE, "again");
      selector.modify(pairs[3].server, EVENT_READ, "3");
      assertEquals(Object.keys(readyOf(selector)).sort(), ["0", "2", "again"]);
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
      selector.unregister(pair.server);
      assertUnknown(selector, pair.server);
    });

    it("register refuses what is not a descriptor, and changes nothing", () => {
      using selector = new SelectorClass<string>();
      for (const fd of [-1, 1.5, NaN, Infinity, 2 ** 31, "7" as unknown as number]) {
        assertThrows(() => selector.register(fd, EVENT_READ, ""), RangeError);
        assertUnknown(selector, fd);
      }
      assertEquals(selector.select(0), []);
    });

    it("register and modify refuse events that mean nothing, and change nothing", () => {
      using pair = new Pair();
      using selector = new SelectorClass<string>();
      const nonsense = [2, EVENT_READ | 8, -1, 1.5, NaN, "1" as unknown as number];
      for (const events of nonsense) {
        assertThrows(() => selector.register(pair.server, events, ""), RangeError);
      }
      assertUnknown(selector, pair.server);
      selector.register(pair.server, EVENT_WRITE, "before");
      for (const events of nonsense) {
        assertThrows(() => selector.modify(pair.server, events, "after"), RangeError);
      }
      assertEquals(readyOf(selector), { before: EVENT_WRITE });
    });

    it("unregister forgets a descriptor that has been closed, also if its number is in use", () => {
      using selector = new SelectorClass<string>();
      const pair = new Pair();
      selector.register(pair.server, EVENT_READ, "closed");
      pair[Symbol.dispose]();
      selector.unregister(pair.server);
      assertUnknown(selector, pair.server);

      const [first, others] = [new Pair(), [] as Pair[]];
      selector.register(first.server, EVENT_READ, "first");
      first[Symbol.dispose]();
      for (let i = 0; i < 5; i++) others.push(new Pair());
      assert(others.some(({ server, client }) => [server, client].includes(first.server)));
      selector.unregister(first.server);
      selector.register(first.server, EVENT_WRITE, "second");
      assertEquals(readyOf(selector), { second: EVENT_WRITE });
      for (const other of others) other[Symbol.dispose]();
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

    it("closes its own descriptors at the end, and leaves those of others open", () => {
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
    assertUnknown(selector, 1024);
  });

  it("what they do with a file, which is always ready: epoll refuses it", () => {
    const path = Deno.makeTempFileSync();
    using _file = Deno.openSync(path);
    const fd = [...Deno.readDirSync("/proc/self/fd")].map(({ name }) => Number(name))
      .find((fd) => linkOf(fd) === path)!;
    using poll = new PollSelector<string>();
    poll.register(fd, EVENT_READ, "file");
    assertEquals(readyOf(poll, 0), { file: EVENT_READ });
    using epoll = new EpollSelector<string>();
    assertThrows(() => epoll.register(fd, EVENT_READ, ""), Deno.errors.PermissionDenied, "EPERM");
    assertUnknown(epoll, fd);
    Deno.removeSync(path);
  });

  it("which is the default: epoll", () => {
    assertEquals(DefaultSelector, EpollSelector);
  });
});
