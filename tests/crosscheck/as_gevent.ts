/**
 * Small programs for lesson 14; with_gevent.py has the same ones for gevent.
 *
 * @module
 */

import { Event } from "../../lessons/14-greenlets/event.ts";
import {
  type Greenlet,
  GreenletExit,
  joinAll,
  killAll,
  runMain,
  spawn,
  spawnLater,
} from "../../lessons/14-greenlets/greenlet.ts";
import { type Coroutine, LoopExit, sleep } from "../../lessons/14-greenlets/hub.ts";
import { Pool } from "../../lessons/14-greenlets/pool.ts";
import { Empty, Full, Queue } from "../../lessons/14-greenlets/queue.ts";
import { Timeout } from "../../lessons/14-greenlets/timeout.ts";

const SLOW = 150;
const QUICK = 10;

/** Prints as Python does. */
function print(...values: unknown[]) {
  console.log(
    ...values.map((value) => value === true ? "True" : value === false ? "False" : value),
  );
}

function say(...words: unknown[]) {
  print(...words);
}

function* nap(name: string, milliseconds: number): Coroutine<string> {
  print(name, 1);
  yield* sleep(milliseconds);
  print(name, 2);
  return name;
}

function* turns(name: string): Coroutine {
  for (let i = 0; i < 3; i++) {
    print(name, i);
    yield* sleep(0);
  }
}

function* careful(name: string): Coroutine {
  try {
    print(name, "starts");
    yield* sleep(10_000);
  } finally {
    print(name, "finally");
  }
}

/** The programs, by the names that they have in Python. */
export const programs: Record<string, () => Coroutine> = {
  *start_order() {
    const greenlets = [0, 1, 2, 3, 4].map((i) => spawn(say, i));
    print("spawned");
    yield* joinAll(greenlets);
  },

  *spawn_in_spawn() {
    function outer() {
      print("outer");
      spawn(say, "inner");
      print("outer goes on");
    }

    yield* joinAll([spawn(outer), spawn(say, "other")]);
    print("joined");
    yield* sleep(0);
  },

  *egon_and_alex() {
    yield* joinAll([spawn(nap, "egon", SLOW), spawn(nap, "alex", QUICK)]);
  },

  *completion_order() {
    const naps = [spawn(nap, "a", SLOW), spawn(nap, "b", QUICK), spawn(nap, "c", 2 * SLOW)];
    print(...(yield* joinAll(naps)).map((greenlet) => greenlet.value));
  },

  *joinall_with_timeout() {
    const naps = [spawn(nap, "a", 1000), spawn(nap, "b", QUICK), spawn(nap, "c", 0)];
    print(...(yield* joinAll(naps, 2 * SLOW)).map((greenlet) => greenlet.value));
    yield* killAll(naps);
  },

  *round_robin() {
    yield* joinAll([..."ABC"].map((name) => spawn(turns, name)));
  },

  *equal_sleeps() {
    function* one(i: number): Coroutine {
      yield* sleep(QUICK);
      print(i);
    }

    yield* joinAll(Array.from({ length: 20 }, (_, i) => spawn(one, i)));
  },

  *an_error() {
    function* bad(): Coroutine {
      yield* sleep(0);
      throw new Error("alas");
    }

    const [greenlet, other] = [spawn(bad), spawn(nap, "other", QUICK)];
    yield* joinAll([greenlet, other]);
    print(greenlet.successful(), greenlet.ready(), greenlet.value === undefined, other.value);
    try {
      yield* greenlet.get();
    } catch (error) {
      print("raised", (error as Error).message);
    }
  },

  *kill() {
    const greenlet = spawn(careful, "a");
    yield* sleep(0);
    spawn(say, "between");
    yield* greenlet.kill();
    print("killed", greenlet.ready(), greenlet.successful());
    const never = spawn(careful, "never");
    yield* never.kill();
    yield* sleep(0);
    print(never.ready());
    const later = spawn(careful, "later");
    yield* sleep(0);
    later.kill();
    print("not yet", later.ready());
    yield* sleep(0);
    print(later.ready());
  },

  *kill_what_comes_later() {
    const greenlet = spawnLater(SLOW, say, "never");
    const other = spawnLater(QUICK, say, "comes");
    yield* greenlet.kill();
    yield* other.join();
    yield* sleep(2 * SLOW);
    print(greenlet.dead);
  },

  *killall_with_timeout() {
    function* stubborn(): Coroutine {
      try {
        yield* sleep(1000);
      } catch (error) {
        if (error instanceof GreenletExit) print("not yet");
      }
      yield* sleep(2 * SLOW);
      print("ends");
    }

    const greenlet = spawn(stubborn);
    yield* sleep(0);
    try {
      yield* killAll([greenlet], QUICK);
    } catch (error) {
      if (error instanceof Timeout) print("too late", greenlet.ready());
    }
    yield* greenlet.join();
    print(greenlet.ready());
  },

  *links() {
    const greenlet = spawn(nap, "a", QUICK);
    greenlet.rawlink(() => {
      throw new Error("alas");
    });
    greenlet.rawlink(({ value }: Greenlet) => print("ended with", value));
    yield* sleep(SLOW);
    print("goes on");
  },

  *timeout() {
    const own = new Timeout(QUICK);
    try {
      yield* sleep(1000);
    } catch (error) {
      print("in time", error === own);
    }
    {
      using _timeout = new Timeout(SLOW);
      yield* sleep(QUICK);
    }
    yield* sleep(2 * SLOW);
    print("not too late");
    const greenlet = spawn(nap, "a", 2 * SLOW);
    try {
      yield* greenlet.get(QUICK);
    } catch {
      print("get", greenlet.ready());
    }
    print(yield* greenlet.get());
  },

  *event_and_a_newcomer() {
    const happened = new Event();

    function* waiter(name: string): Coroutine {
      yield* happened.wait();
      print(name);
    }

    function* newcomer(): Coroutine {
      print("comes");
      yield* happened.wait();
      print("newcomer");
    }

    const waiters = [..."ab"].map((name) => spawn(waiter, name));
    yield* sleep(0);
    waiters.push(spawn(newcomer));
    happened.set();
    print("set", yield* happened.wait());
    print("main");
    yield* joinAll(waiters);
    print(yield* happened.wait(), "at once");
  },

  *event_whose_waiter_leaves() {
    const happened = new Event();

    function* waiter(name: string): Coroutine {
      yield* happened.wait();
      print(name);
    }

    const first = spawn(waiter, "a");
    yield* sleep(0);
    first.kill();
    happened.set();
    try {
      yield* happened.wait();
    } catch (error) {
      if (error instanceof LoopExit) print("forgotten");
    }
    print(yield* happened.wait(QUICK));
  },

  *killall_at_once() {
    function* member(name: string): Coroutine {
      try {
        yield* sleep(10_000);
      } finally {
        print(name, "finally");
      }
    }

    const members = [..."abc"].map((name) => spawn(member, name));
    yield* sleep(0);
    members[0].rawlink(() => print("linked"));
    const watcher = spawn(function* (): Coroutine {
      const joined = yield* joinAll(members);
      print("joined", joined.every((member, i) => member === members[i]));
    });
    yield* sleep(0);
    yield* killAll(members);
    print("killed");
    yield* watcher.join();
  },

  *joinall_the_same_twice() {
    const greenlet = spawn(nap, "a", 0);
    print(...(yield* joinAll([greenlet, greenlet])).map(({ value }) => value));
  },

  *links_that_change_links() {
    function first(greenlet: Greenlet) {
      print("first");
      greenlet.unlink(second);
      greenlet.rawlink(() => print("added"));
    }

    function second() {
      print("never");
    }

    function third() {
      print("third");
    }

    const greenlet = spawn(nap, "a", 0);
    for (const link of [first, second, third, third]) greenlet.rawlink(link);
    yield* greenlet.join();
    print("joined");
    yield* sleep(0);
    greenlet.rawlink(third);
    print("linked");
    yield* sleep(0);
  },

  *dead_greenlet() {
    function once() {
      print("once");
    }

    const greenlet = spawn(once);
    yield* greenlet.join();
    greenlet.throw(new Error("never"));
    yield* greenlet.kill();
    greenlet.start();
    yield* sleep(0);
    print(greenlet.dead, greenlet.successful());
  },

  *time_limit_of_zero() {
    const greenlet = spawn(turns, "a");
    yield* greenlet.join(0);
    print(greenlet.ready());
    print(yield* new Event().wait(0));
    const spawned = spawn(nap, "b", QUICK);
    print((yield* joinAll([spawned], 0)).length);
    yield* spawned.kill();
  },

  *pool_with_a_late_comer() {
    const pool = new Pool(1);

    function* spawner(name: string): Coroutine {
      for (let i = 0; i < 2; i++) {
        yield* pool.spawn(say, name, i);
        print(name, "spawned", i);
      }
    }

    yield* joinAll([..."abc"].map((name) => spawn(spawner, name)));
    yield* pool.join();
  },

  *pool_that_is_killed() {
    const pool = new Pool(1);
    yield* pool.spawn(careful, "a");
    const waiting = spawn(() => pool.spawn(careful, "b"));
    yield* sleep(0);
    yield* pool.kill();
    print(pool.length, waiting.ready());
  },

  *queue_of_one() {
    function* produce(queue: Queue<number>): Coroutine {
      for (let i = 0; i < 3; i++) {
        yield* queue.put(i);
        print("p", i);
      }
    }

    function* consume(queue: Queue<number>): Coroutine {
      for (let i = 0; i < 3; i++) print("c", yield* queue.get());
    }

    let queue = new Queue<number>(1);
    yield* joinAll([spawn(produce, queue), spawn(consume, queue)]);
    queue = new Queue();
    yield* joinAll([spawn(consume, queue), spawn(produce, queue)]);
    try {
      yield* queue.get(QUICK);
    } catch (error) {
      if (error instanceof Empty) print("empty");
    }
    queue = new Queue(1);
    yield* queue.put(0);
    try {
      yield* queue.put(1, QUICK);
    } catch (error) {
      if (error instanceof Full) print("full");
    }
  },

  *queue_without_limit() {
    for (const size of [0, -1]) {
      const queue = new Queue<number>(size);
      for (let i = 0; i < 3; i++) yield* queue.put(i);
      print(queue.qsize(), queue.full());
    }
  },

  *event_cleared_at_once() {
    const happened = new Event();

    function* waiter(name: string): Coroutine {
      yield* happened.wait();
      print(name);
    }

    const waiters = [..."ab"].map((name) => spawn(waiter, name));
    yield* sleep(0);
    happened.set();
    happened.clear();
    waiters.push(spawn(waiter, "c"));
    yield* sleep(QUICK);
    print("set again");
    happened.set();
    yield* joinAll(waiters);
  },

  *event() {
    const happened = new Event();

    function* waiter(name: string): Coroutine {
      print(name, "waits");
      print(name, yield* happened.wait());
    }

    const waiters = [..."abc"].map((name) => spawn(waiter, name));
    yield* sleep(0);
    happened.set();
    print("set");
    yield* joinAll(waiters);
    print(yield* happened.wait(QUICK));
    happened.clear();
    print(yield* happened.wait(QUICK));
  },

  *pool_of_two() {
    const pool = new Pool(2);

    function* job(name: string, milliseconds: number): Coroutine {
      print(name, "with", pool.length);
      yield* sleep(milliseconds);
      print(name, "done");
    }

    const jobs = [["a", 3 * SLOW], ["b", QUICK], ["c", QUICK], ["d", QUICK]] as const;
    for (const [name, milliseconds] of jobs) {
      yield* pool.spawn(job, name, milliseconds);
      print("spawned", name);
    }
    yield* pool.join();
    print(pool.length);
  },

  *block_for_ever() {
    try {
      yield* new Event().wait();
    } catch (error) {
      if (error instanceof LoopExit) print("LoopExit");
    }
    print("goes on");
  },

  *a_computation() {
    function compute() {
      const end = performance.now() + 2 * SLOW;
      while (performance.now() < end);
      print("computed");
    }

    yield* joinAll([spawn(nap, "a", QUICK), spawn(compute)]);
  },
};

if (import.meta.main) {
  runMain(function* () {
    for (const [name, program] of Object.entries(programs)) {
      print("==", name);
      yield* program();
    }
  });
}
