/**
 * Small programs for lesson 13; with_asyncio.py has the same ones for asyncio.
 *
 * @module
 */

import { run } from "../../lessons/13-event-loop/event_loop.ts";
import { type Awaitable, type Coroutine, Future } from "../../lessons/13-event-loop/futures.ts";
import {
  createTask,
  gather,
  sleep,
  type Task,
  wait,
  waitFor,
} from "../../lessons/13-event-loop/tasks.ts";

const SLOW = 150;
const QUICK = 10;

class ValueError extends Error {
  override name = "ValueError";
}

/** Prints as Python does. */
function print(...values: unknown[]) {
  console.log(
    ...values.map((value) => value === true ? "True" : value === false ? "False" : value),
  );
}

function* nap(name: string, milliseconds: number): Coroutine<string> {
  print(name, "begins");
  try {
    yield* sleep(milliseconds);
    print(name, "ends");
    return name;
  } finally {
    print(name, "finally");
  }
}

function* fail(name: string, milliseconds: number): Coroutine {
  yield* sleep(milliseconds);
  print(name, "fails");
  throw new ValueError(name);
}

function* turns(name: string): Coroutine {
  for (let i = 0; i < 3; i++) {
    print(name, i);
    yield* sleep(0);
  }
}

function* outcome(awaitable: Awaitable<unknown>): Coroutine {
  try {
    print("result", yield* awaitable as Coroutine<unknown>);
  } catch (error) {
    print("error", nameOf(error as Error));
  }
}

/** What Python calls an error. */
function nameOf({ name }: Error): string {
  return name === "Error" || name === "TypeError" ? "RuntimeError" : name;
}

const earlier: Future<unknown>[] = [];

/** The programs, by the names that they have in Python. */
export const programs: Record<string, () => Coroutine> = {
  *gathered() {
    print(...yield* gather([nap("a", SLOW), nap("b", QUICK), nap("c", 0)]));
  },

  *round_robin() {
    yield* gather([turns("A"), turns("B"), turns("C")]);
  },

  *tasks_in_tasks() {
    function* outer(name: string): Coroutine {
      print(name);
      createTask(turns(`${name}'s child`));
      print(name, "goes on");
      yield* sleep(0);
      print(name, "ends");
    }

    const [first, second] = [createTask(outer("x")), createTask(outer("y"))];
    print("created");
    yield* first;
    yield* second;
    yield* sleep(QUICK);
  },

  *done_future() {
    const future = new Future<number>();
    future.setResult(7);

    function* waits(name: string): Coroutine {
      print(name, yield* future);
      print(name, yield* future);
    }

    yield* gather([waits("a"), waits("b")]);
  },

  *waiters() {
    const future = new Future<string>();

    function* waits(name: string): Coroutine {
      print(name, "waits");
      print(name, yield* future);
    }

    const tasks = [..."abc"].map((name) => createTask(waits(name)));
    yield* sleep(0);
    print("set");
    future.setResult("there");
    print("was set");
    yield* gather(tasks);
  },

  *callbacks() {
    const task = createTask(nap("task", 0));
    task.addDoneCallback((task) => print("first", task.result()));
    task.addDoneCallback((task) => print("second", task.done()));
    yield* task;
    print("awaited");
    task.addDoneCallback(() => print("third"));
    print("added");
    yield* sleep(0);
  },

  *cancel_before_start() {
    const task = createTask(nap("never", 0));
    print(task.cancel(), task.done());
    yield* outcome(task);
    print(task.cancelled(), task.cancel());
  },

  *cancel_while_sleeping() {
    function* careful(): Coroutine {
      try {
        yield* sleep(1000);
      } finally {
        print("tidies up");
        yield* sleep(QUICK);
        print("is tidy");
      }
    }

    const task = createTask(careful());
    yield* sleep(0);
    task.cancel();
    print("cancelled", task.done());
    yield* outcome(task);
  },

  *cancel_between_rounds() {
    const task = createTask(turns("a"));
    yield* sleep(0);
    print(task.cancel());
    yield* outcome(task);
  },

  *cancel_itself() {
    // deno-lint-ignore require-yield -- it does not wait any more
    function* itself(): Coroutine<string> {
      print(task.cancel());
      return "returned";
    }

    const task = createTask(itself());
    yield* outcome(task);
    print(task.cancelled());
  },

  *cancel_swallowed() {
    function* stubborn(): Coroutine<string> {
      try {
        yield* sleep(1000);
      } catch {
        print("not yet");
      }
      yield* sleep(QUICK);
      return "in the end";
    }

    const task = createTask(stubborn());
    yield* sleep(0);
    task.cancel();
    yield* outcome(task);
  },

  *cancel_through_a_task() {
    const inner = createTask(nap("inner", 1000));

    function* middle(): Coroutine {
      try {
        yield* inner;
      } finally {
        print("middle finally");
      }
    }

    const task = createTask(middle());
    yield* sleep(QUICK);
    task.cancel();
    yield* outcome(task);
    print(inner.cancelled(), task.cancelled());
  },

  *cancel_a_gathering() {
    const gathering = gather([nap("a", 1000), nap("b", 1000)]);
    yield* sleep(0);
    print(gathering.cancel());
    yield* outcome(gathering);
  },

  *timeouts() {
    yield* outcome(waitFor(nap("quick", QUICK), SLOW));
    yield* outcome(waitFor(nap("slow", 1000), QUICK));
    yield* outcome(waitFor(fail("bad", QUICK), SLOW));
  },

  *no_time_at_all() {
    yield* outcome(waitFor(nap("a", QUICK), 0));
    yield* outcome(waitFor(nap("b", QUICK), -1));
  },

  *first_completed() {
    const tasks = [createTask(nap("a", SLOW)), createTask(nap("b", QUICK))];
    const { done, pending } = yield* wait(tasks, { returnWhen: "FIRST_COMPLETED" });
    print(...[done, pending].flatMap((list) => tasks.map((task) => list.includes(task))));
    yield* wait(pending);
  },

  *first_exception() {
    const tasks: Future<unknown>[] = [
      createTask(nap("a", QUICK)),
      createTask(fail("b", 2 * QUICK)),
      createTask(nap("c", 1000)),
    ];
    const { done } = yield* wait(tasks, { returnWhen: "FIRST_EXCEPTION" });
    print(...tasks.map((task) => done.includes(task)), (tasks[1].exception() as Error).name);
  },

  *wait_with_timeout() {
    const tasks = [createTask(nap("a", QUICK)), createTask(nap("b", 1000))];
    const { done, pending } = yield* wait(tasks, { timeout: SLOW });
    print(done.length, pending.length);
  },

  *gather_an_error() {
    yield* outcome(gather([nap("a", SLOW), fail("b", QUICK), nap("c", SLOW)]));
    print("the others go on");
    yield* sleep(2 * SLOW);
  },

  *gather_all_outcomes() {
    const awaitables = [nap("a", QUICK), fail("b", 0)] as const;
    const [a, b] = yield* gather(awaitables, { returnExceptions: true });
    print(a, (b as unknown as Error).name);
  },

  *equal_sleeps() {
    function* one(i: number): Coroutine {
      yield* sleep(QUICK);
      print(i);
    }

    yield* gather(Array.from({ length: 20 }, (_, i) => one(i)));
  },

  *await_itself() {
    const tasks: Task<unknown>[] = [];

    function* selfish(): Coroutine<string> {
      yield* outcome(tasks[0] as Future<unknown>);
      return "goes on";
    }

    tasks.push(createTask(selfish()) as Task<unknown>);
    yield* outcome(tasks[0] as Future<unknown>);
  },

  *yield_alone() {
    function* mistaken(value: unknown): Coroutine {
      yield value as Future<unknown>;
    }

    for (const value of [new Future(), sleep(0), 7]) yield* outcome(mistaken(value));
  },

  *two_tasks_on_one_coroutine() {
    for (const milliseconds of [QUICK, 0]) {
      const coroutine = nap("a", milliseconds);
      const tasks = [createTask(coroutine), createTask(coroutine)];
      for (const task of tasks) yield* outcome(task);
    }
    const coroutine = nap("b", 0);
    yield* outcome(createTask(coroutine));
    yield* outcome(createTask(coroutine));
  },

  *gather_the_same_twice() {
    const coroutine = nap("a", QUICK);
    print(...yield* gather([coroutine, nap("b", 0), coroutine]));
    const task = createTask(nap("c", 0));
    print(...yield* gather([task, task]));
  },

  *gathering_that_was_cancelled() {
    const gathering = gather([nap("a", 1000), nap("b", 1000)]);
    yield* sleep(0);
    print(gathering.cancel(), gathering.done());
    yield* outcome(gathering);
    print(gathering.done(), gathering.cancelled());
  },

  *gather_what_is_done() {
    const future = new Future<string>();
    future.setResult("there");
    print(...yield* gather([future, nap("a", 0)]));
  },

  *wait_for_the_same_twice() {
    const task = createTask(nap("a", 0));
    const { done, pending } = yield* wait([task, task]);
    print(done.length, pending.length);
  },

  *future_of_another_loop() {
    earlier.push(new Future<unknown>(), createTask(nap("done", 0)) as Future<unknown>);
    yield* earlier[1];
    print("left for the next loop");
  },

  *in_another_loop() {
    yield* outcome(earlier[0]);
    yield* outcome(earlier[1]);
  },

  *left_over() {
    createTask(nap("a", 1000));
    yield* sleep(0);
    print("main ends");
  },
};

if (import.meta.main) {
  for (const [name, program] of Object.entries(programs)) {
    print("==", name);
    run(program());
  }
}
