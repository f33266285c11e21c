/** `shared/bounded_queue.ts`: alone, and between threads. */

import { assert, assertEquals, assertLess, assertThrows } from "@std/assert";
import { deadline, delay } from "@std/async";
import { BoundedQueue } from "../shared/bounded_queue.ts";

const [QUEUE, TIME] = ["bounded_queue", "linux/time"]
  .map((name) => new URL(`../shared/${name}.ts`, import.meta.url).href);

/** A thread that has the same queue. */
class Thread implements Disposable {
  readonly #worker: Worker;
  readonly #received: unknown[] = [];
  #waiting = Promise.withResolvers<void>();

  /** Begins to run `code`, which uses `queue` and `cpu()`, and calls `report` with what `next` returns. */
  constructor(queue: BoundedQueue, code: string) {
    const script = `
      import { BoundedQueue } from "${QUEUE}";
      import { clock_gettime, CLOCK_THREAD_CPUTIME_ID } from "${TIME}";
      const cpu = () => clock_gettime(CLOCK_THREAD_CPUTIME_ID);
      self.onmessage = ({ data }) => {
        const queue = new BoundedQueue(data);
        const report = (value) => self.postMessage(value);
        ${code}
      };`;
    const url = `data:text/javascript,${encodeURIComponent(script)}`;
    this.#worker = new Worker(url, { type: "module" });
    this.#worker.onmessage = ({ data }) => {
      this.#received.push(data);
      this.#waiting.resolve();
    };
    this.#worker.postMessage(queue.memory);
  }

  /** What it reports next, for which it may take ten seconds. */
  async next(): Promise<unknown> {
    while (this.#received.length === 0) {
      this.#waiting = Promise.withResolvers();
      await deadline(this.#waiting.promise, 10_000);
    }
    return this.#received.shift();
  }

  /** Whether it has reported something that `next` has not returned yet. */
  get hasReported(): boolean {
    return this.#received.length > 0;
  }

  [Symbol.dispose](): void {
    this.#worker.terminate();
  }
}

Deno.test("items come out in the order in which they went in, however often the ring is used", () => {
  for (const capacity of [1, 2, 3, 7]) {
    const [queue, expected] = [BoundedQueue.of(capacity), [] as number[]];
    let seed = 1;
    for (let i = 0; i < 5000; i++) {
      seed = seed * 48271 % 0x7fffffff;
      if (seed % 2 === 0) {
        const fits = expected.length < capacity;
        assertEquals(queue.tryPut(i), fits);
        if (fits) expected.push(i);
      } else assertEquals(queue.tryTake(), expected.shift());
      assertEquals([queue.length, queue.capacity], [expected.length, capacity]);
    }
  }
});

Deno.test("a queue holds every number of 32 bits, and 0 is one of them", () => {
  const numbers = [0, -1, 1, 2 ** 31 - 1, -(2 ** 31)];
  const queue = BoundedQueue.of(numbers.length);
  for (const number of numbers) assert(queue.put(number));
  assertEquals(numbers.map(() => queue.take()), numbers);
});

Deno.test("a queue without room for anything cannot be made", () => {
  for (const capacity of [0, -1, NaN]) assertThrows(() => BoundedQueue.of(capacity), RangeError);
});

Deno.test("a closed queue takes nothing more, and hands out what is left", () => {
  const queue = BoundedQueue.of(3);
  assert(queue.put(1) && queue.put(2));
  queue.close();
  assertEquals([queue.put(3), queue.tryPut(3)], [false, false]);
  assertEquals([queue.take(), queue.take(), queue.take()], [1, 2, undefined]);
  queue.close();
  assertEquals(queue.tryTake(), undefined);
});

Deno.test("put() sleeps while the queue is full, and goes on when there is room", async () => {
  const queue = BoundedQueue.of(2);
  using thread = new Thread(queue, "for (let i = 1; i <= 3; i++) report(queue.put(i) && i);");
  assertEquals([await thread.next(), await thread.next()], [1, 2]);
  await delay(50);
  assertEquals([thread.hasReported, queue.length], [false, 2]);
  assertEquals(queue.tryTake(), 1);
  assertEquals(await thread.next(), 3);
  assertEquals([queue.tryTake(), queue.tryTake()], [2, 3]);
});

Deno.test("take() sleeps while the queue is empty, and one item wakes one thread", async () => {
  const queue = BoundedQueue.of(2);
  const code = `report("begins"); report(queue.take()); report(queue.take());`;
  using first = new Thread(queue, code);
  using second = new Thread(queue, code);
  assertEquals([await first.next(), await second.next()], ["begins", "begins"]);
  await delay(50);
  assertEquals([first.hasReported, second.hasReported], [false, false]);
  queue.put(7);
  await delay(50);
  const awake = [first, second].filter(({ hasReported }) => hasReported);
  assertEquals([awake.length, await awake[0]?.next()], [1, 7]);
});

Deno.test("a thread that waits in put() or take() uses no CPU time", async () => {
  for (const call of ["put(2)", "take()"]) {
    const queue = BoundedQueue.of(1);
    if (call === "put(2)") queue.put(1);
    const code = `report("begins"); const before = cpu(); queue.${call}; report(cpu() - before);`;
    using thread = new Thread(queue, code);
    assertEquals(await thread.next(), "begins");
    const began = performance.now();
    await delay(200);
    const waited = performance.now() - began;
    if (call === "put(2)") queue.tryTake();
    else queue.tryPut(1);
    assertLess(await thread.next() as number, waited / 10, call);
  }
});

Deno.test("close() wakes every thread that sleeps in put() or take()", async () => {
  for (const [capacity, code] of [[1, "queue.put(2)"], [1, "queue.take() ?? false"]] as const) {
    const queue = BoundedQueue.of(capacity);
    if (code.startsWith("queue.put")) queue.put(1);
    using stack = new DisposableStack();
    const threads = [1, 2, 3].map(() =>
      stack.use(new Thread(queue, `report("begins"); report(${code});`))
    );
    for (const thread of threads) await thread.next();
    await delay(50);
    assert(threads.every(({ hasReported }) => !hasReported));
    queue.close();
    assertEquals(await Promise.all(threads.map((thread) => thread.next())), [false, false, false]);
  }
});

Deno.test("no item is lost, doubled or overtaken between three producers and consumers", async () => {
  const [count, capacity] = [20_000, 3];
  const queue = BoundedQueue.of(capacity);
  using stack = new DisposableStack();
  const producers = [0, 1, 2].map((producer) =>
    stack.use(
      new Thread(
        queue,
        `for (let i = 0; i < ${count}; i++) queue.put(${producer * count} + i);
         report("done");`,
      ),
    )
  );
  const consumers = [0, 1, 2].map(() =>
    stack.use(
      new Thread(
        queue,
        `const taken = [];
         let longest = 0;
         for (let item; (item = queue.take()) !== undefined;) {
           taken.push(item);
           longest = Math.max(longest, queue.length);
         }
         report({ taken, longest });`,
      ),
    )
  );
  for (const producer of producers) assertEquals(await producer.next(), "done");
  queue.close();
  const results = await Promise.all(consumers.map((consumer) => consumer.next())) as {
    taken: number[];
    longest: number;
  }[];
  const all = results.flatMap(({ taken }) => taken).sort((a, b) => a - b);
  assertEquals(all.length, 3 * count);
  assert(all.every((item, i) => item === i));
  for (const { taken, longest } of results) {
    assert(longest <= capacity, `${longest} items were in a queue of ${capacity}`);
    for (const producer of [0, 1, 2]) {
      const own = taken.filter((item) => Math.floor(item / count) === producer);
      assert(own.every((item, i) => i === 0 || item > own[i - 1]));
    }
  }
});
