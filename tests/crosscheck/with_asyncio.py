"""Small programs for asyncio; as_asyncio.ts has the same ones for lesson 13."""

import asyncio
from asyncio import CancelledError, create_task, gather, sleep, wait, wait_for

SLOW = 0.15
QUICK = 0.01


async def nap(name, seconds):
    print(name, "begins")
    try:
        await sleep(seconds)
        print(name, "ends")
        return name
    finally:
        print(name, "finally")


async def fail(name, seconds):
    await sleep(seconds)
    print(name, "fails")
    raise ValueError(name)


async def turns(name):
    for i in range(3):
        print(name, i)
        await sleep(0)


async def outcome(awaitable):
    try:
        print("result", await awaitable)
    except (CancelledError, ValueError, RuntimeError, TimeoutError, asyncio.TimeoutError) as error:
        print("error", type(error).__name__)


async def gathered():
    print(*await gather(nap("a", SLOW), nap("b", QUICK), nap("c", 0)))


async def round_robin():
    await gather(turns("A"), turns("B"), turns("C"))


async def tasks_in_tasks():
    async def outer(name):
        print(name)
        create_task(turns(name + "'s child"))
        print(name, "goes on")
        await sleep(0)
        print(name, "ends")

    first, second = create_task(outer("x")), create_task(outer("y"))
    print("created")
    await first
    await second
    await sleep(QUICK)


async def done_future():
    future = asyncio.get_running_loop().create_future()
    future.set_result(7)

    async def waits(name):
        print(name, await future)
        print(name, await future)

    await gather(waits("a"), waits("b"))


async def waiters():
    future = asyncio.get_running_loop().create_future()

    async def waits(name):
        print(name, "waits")
        print(name, await future)

    tasks = [create_task(waits(name)) for name in "abc"]
    await sleep(0)
    print("set")
    future.set_result("there")
    print("was set")
    await gather(*tasks)


async def callbacks():
    task = create_task(nap("task", 0))
    task.add_done_callback(lambda task: print("first", task.result()))
    task.add_done_callback(lambda task: print("second", task.done()))
    await task
    print("awaited")
    task.add_done_callback(lambda task: print("third"))
    print("added")
    await sleep(0)


async def cancel_before_start():
    task = create_task(nap("never", 0))
    print(task.cancel(), task.done())
    await outcome(task)
    print(task.cancelled(), task.cancel())


async def cancel_while_sleeping():
    async def careful():
        try:
            await sleep(1)
        finally:
            print("tidies up")
            await sleep(QUICK)
            print("is tidy")

    task = create_task(careful())
    await sleep(0)
    task.cancel()
    print("cancelled", task.done())
    await outcome(task)


async def cancel_between_rounds():
    task = create_task(turns("a"))
    await sleep(0)
    print(task.cancel())
    await outcome(task)


async def cancel_itself():
    async def itself():
        print(task.cancel())
        return "returned"

    task = create_task(itself())
    await outcome(task)
    print(task.cancelled())


async def cancel_swallowed():
    async def stubborn():
        try:
            await sleep(1)
        except CancelledError:
            print("not yet")
        await sleep(QUICK)
        return "in the end"

    task = create_task(stubborn())
    await sleep(0)
    task.cancel()
    await outcome(task)


async def cancel_through_a_task():
    inner = create_task(nap("inner", 1))

    async def middle():
        try:
            await inner
        finally:
            print("middle finally")

    task = create_task(middle())
    await sleep(QUICK)
    task.cancel()
    await outcome(task)
    print(inner.cancelled(), task.cancelled())


async def cancel_a_gathering():
    gathering = gather(nap("a", 1), nap("b", 1))
    await sleep(0)
    print(gathering.cancel())
    await outcome(gathering)


async def timeouts():
    await outcome(wait_for(nap("quick", QUICK), SLOW))
    await outcome(wait_for(nap("slow", 1), QUICK))
    await outcome(wait_for(fail("bad", QUICK), SLOW))


async def no_time_at_all():
    await outcome(wait_for(nap("a", QUICK), 0))
    await outcome(wait_for(nap("b", QUICK), -1))


async def first_completed():
    tasks = [create_task(nap(name, s)) for name, s in (("a", SLOW), ("b", QUICK))]
    done, pending = await wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    print(*(task in done for task in tasks), *(task in pending for task in tasks))
    await wait(pending)


async def first_exception():
    tasks = [create_task(nap("a", QUICK)), create_task(fail("b", 2 * QUICK)), create_task(nap("c", 1))]
    done, pending = await wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
    print(*(task in done for task in tasks), type(tasks[1].exception()).__name__)


async def wait_with_timeout():
    tasks = [create_task(nap("a", QUICK)), create_task(nap("b", 1))]
    done, pending = await wait(tasks, timeout=SLOW)
    print(len(done), len(pending))


async def gather_an_error():
    await outcome(gather(nap("a", SLOW), fail("b", QUICK), nap("c", SLOW)))
    print("the others go on")
    await sleep(2 * SLOW)


async def gather_all_outcomes():
    results = await gather(nap("a", QUICK), fail("b", 0), return_exceptions=True)
    print(results[0], type(results[1]).__name__)


async def equal_sleeps():
    async def one(i):
        await sleep(QUICK)
        print(i)

    await gather(*(one(i) for i in range(20)))


async def await_itself():
    async def selfish():
        await outcome(task)
        return "goes on"

    task = create_task(selfish())
    await outcome(task)


class Bare:
    """Yields a value without waiting for it."""

    def __init__(self, value):
        self.value = value

    def __await__(self):
        yield self.value


async def yield_alone():
    async def mistaken(value):
        await Bare(value)

    for value in (asyncio.get_running_loop().create_future(), (i for i in "generator"), 7):
        await outcome(mistaken(value))


async def two_tasks_on_one_coroutine():
    for seconds in (QUICK, 0):
        coroutine = nap("a", seconds)
        tasks = [create_task(coroutine), create_task(coroutine)]
        for task in tasks:
            await outcome(task)
    coroutine = nap("b", 0)
    await outcome(create_task(coroutine))
    await outcome(create_task(coroutine))


async def gather_the_same_twice():
    coroutine = nap("a", QUICK)
    print(*await gather(coroutine, nap("b", 0), coroutine))
    task = create_task(nap("c", 0))
    print(*await gather(task, task))


async def gathering_that_was_cancelled():
    gathering = gather(nap("a", 1), nap("b", 1))
    await sleep(0)
    print(gathering.cancel(), gathering.done())
    await outcome(gathering)
    print(gathering.done(), gathering.cancelled())


async def gather_what_is_done():
    future = asyncio.get_running_loop().create_future()
    future.set_result("there")
    print(*await gather(future, nap("a", 0)))


async def wait_for_the_same_twice():
    task = create_task(nap("a", 0))
    done, pending = await wait([task, task])
    print(len(done), len(pending))


earlier = []


async def future_of_another_loop():
    earlier.append(asyncio.get_running_loop().create_future())
    earlier.append(create_task(nap("done", 0)))
    await earlier[1]
    print("left for the next loop")


async def in_another_loop():
    await outcome(earlier[0])
    await outcome(earlier[1])


async def left_over():
    create_task(nap("a", 1))
    await sleep(0)
    print("main ends")


PROGRAMS = [
    gathered, round_robin, tasks_in_tasks, done_future, waiters, callbacks, cancel_before_start,
    cancel_while_sleeping, cancel_between_rounds, cancel_itself, cancel_swallowed,
    cancel_through_a_task, cancel_a_gathering, timeouts, no_time_at_all, first_completed,
    first_exception, wait_with_timeout, gather_an_error, gather_all_outcomes, equal_sleeps,
    await_itself, yield_alone, two_tasks_on_one_coroutine, gather_the_same_twice,
    gathering_that_was_cancelled, gather_what_is_done, wait_for_the_same_twice,
    future_of_another_loop, in_another_loop, left_over,
]

for program in PROGRAMS:
    print("==", program.__name__)
    asyncio.run(program())
