"""Small programs for gevent; as_gevent.ts has the same ones for lesson 14."""

import time

import gevent
from gevent import GreenletExit, Timeout, joinall, killall, sleep, spawn, spawn_later
from gevent.event import Event
from gevent.hub import LoopExit
from gevent.pool import Pool
from gevent.queue import Empty, Full, Queue

SLOW = 0.15
QUICK = 0.01


def say(*words):
    print(*words)


def nap(name, seconds):
    print(name, 1)
    sleep(seconds)
    print(name, 2)
    return name


def turns(name):
    for i in range(3):
        print(name, i)
        sleep(0)


def careful(name):
    try:
        print(name, "starts")
        sleep(10)
    finally:
        print(name, "finally")


def start_order():
    greenlets = [spawn(say, i) for i in range(5)]
    print("spawned")
    joinall(greenlets)


def spawn_in_spawn():
    def outer():
        print("outer")
        spawn(say, "inner")
        print("outer goes on")

    joinall([spawn(outer), spawn(say, "other")])
    print("joined")
    sleep(0)


def egon_and_alex():
    joinall([spawn(nap, "egon", SLOW), spawn(nap, "alex", QUICK)])


def completion_order():
    naps = [spawn(nap, name, s) for name, s in (("a", SLOW), ("b", QUICK), ("c", 2 * SLOW))]
    print(*(greenlet.value for greenlet in joinall(naps)))


def joinall_with_timeout():
    naps = [spawn(nap, name, s) for name, s in (("a", 1), ("b", QUICK), ("c", 0))]
    print(*(greenlet.value for greenlet in joinall(naps, timeout=2 * SLOW)))
    gevent.killall(naps)


def round_robin():
    joinall([spawn(turns, name) for name in "ABC"])


def equal_sleeps():
    def one(i):
        sleep(QUICK)
        print(i)

    joinall([spawn(one, i) for i in range(20)])


def an_error():
    def bad():
        sleep(0)
        raise ValueError("alas")

    greenlet, other = spawn(bad), spawn(nap, "other", QUICK)
    joinall([greenlet, other])
    print(greenlet.successful(), greenlet.ready(), greenlet.value is None, other.value)
    try:
        greenlet.get()
    except ValueError as error:
        print("raised", error)


def kill():
    greenlet = spawn(careful, "a")
    sleep(0)
    spawn(say, "between")
    greenlet.kill()
    print("killed", greenlet.ready(), greenlet.successful())
    never = spawn(careful, "never")
    never.kill()
    sleep(0)
    print(never.ready())
    later = spawn(careful, "later")
    sleep(0)
    later.kill(block=False)
    print("not yet", later.ready())
    sleep(0)
    print(later.ready())


def kill_what_comes_later():
    greenlet = spawn_later(SLOW, say, "never")
    other = spawn_later(QUICK, say, "comes")
    greenlet.kill()
    other.join()
    sleep(2 * SLOW)
    print(greenlet.dead)


def killall_with_timeout():
    def stubborn():
        try:
            sleep(1)
        except GreenletExit:
            print("not yet")
        sleep(2 * SLOW)
        print("ends")

    greenlet = spawn(stubborn)
    sleep(0)
    try:
        killall([greenlet], timeout=QUICK)
    except Timeout:
        print("too late", greenlet.ready())
    greenlet.join()
    print(greenlet.ready())


def links():
    def bad(greenlet):
        raise ValueError("alas")

    greenlet = spawn(nap, "a", QUICK)
    greenlet.rawlink(bad)
    greenlet.rawlink(lambda greenlet: print("ended with", greenlet.value))
    sleep(SLOW)
    print("goes on")


def timeout():
    own = Timeout(QUICK)
    own.start()
    try:
        sleep(1)
    except Timeout as error:
        print("in time", error is own)
    with Timeout(SLOW):
        sleep(QUICK)
    sleep(2 * SLOW)
    print("not too late")
    greenlet = spawn(nap, "a", 2 * SLOW)
    try:
        greenlet.get(timeout=QUICK)
    except Timeout:
        print("get", greenlet.ready())
    print(greenlet.get())


def queue_of_one():
    def produce(queue):
        for i in range(3):
            queue.put(i)
            print("p", i)

    def consume(queue):
        for _ in range(3):
            print("c", queue.get())

    queue = Queue(1)
    joinall([spawn(produce, queue), spawn(consume, queue)])
    queue = Queue()
    joinall([spawn(consume, queue), spawn(produce, queue)])
    try:
        queue.get(timeout=QUICK)
    except Empty:
        print("empty")
    queue = Queue(1)
    queue.put(0)
    try:
        queue.put(1, timeout=QUICK)
    except Full:
        print("full")


def queue_without_limit():
    for size in (0, -1):
        queue = Queue(size)
        for i in range(3):
            queue.put(i)
        print(queue.qsize(), queue.full())


def event_cleared_at_once():
    happened = Event()

    def waiter(name):
        happened.wait()
        print(name)

    waiters = [spawn(waiter, name) for name in "ab"]
    sleep(0)
    happened.set()
    happened.clear()
    waiters.append(spawn(waiter, "c"))
    sleep(QUICK)
    print("set again")
    happened.set()
    joinall(waiters)


def event():
    happened = Event()

    def waiter(name):
        print(name, "waits")
        print(name, happened.wait())

    waiters = [spawn(waiter, name) for name in "abc"]
    sleep(0)
    happened.set()
    print("set")
    joinall(waiters)
    print(happened.wait(QUICK))
    happened.clear()
    print(happened.wait(QUICK))


def event_and_a_newcomer():
    happened = Event()

    def waiter(name):
        happened.wait()
        print(name)

    def newcomer():
        print("comes")
        happened.wait()
        print("newcomer")

    waiters = [spawn(waiter, name) for name in "ab"]
    sleep(0)
    waiters.append(spawn(newcomer))
    happened.set()
    print("set", happened.wait())
    print("main")
    joinall(waiters)
    print(happened.wait(), "at once")


def event_whose_waiter_leaves():
    happened = Event()

    def waiter(name):
        happened.wait()
        print(name)

    first = spawn(waiter, "a")
    sleep(0)
    first.kill(block=False)
    happened.set()
    try:
        happened.wait()
    except LoopExit:
        print("forgotten")
    print(happened.wait(QUICK))


def killall_at_once():
    def member(name):
        try:
            sleep(10)
        finally:
            print(name, "finally")

    members = [spawn(member, name) for name in "abc"]
    sleep(0)
    members[0].rawlink(lambda greenlet: print("linked"))
    watcher = spawn(lambda: print("joined", joinall(members) == members))
    sleep(0)
    killall(members)
    print("killed")
    watcher.join()


def joinall_the_same_twice():
    greenlet = spawn(nap, "a", 0)
    print(*(greenlet.value for greenlet in joinall([greenlet, greenlet])))


def links_that_change_links():
    def first(greenlet):
        print("first")
        greenlet.unlink(second)
        greenlet.rawlink(lambda greenlet: print("added"))

    def second(greenlet):
        print("never")

    def third(greenlet):
        print("third")

    greenlet = spawn(nap, "a", 0)
    for link in (first, second, third, third):
        greenlet.rawlink(link)
    greenlet.join()
    print("joined")
    sleep(0)
    greenlet.rawlink(third)
    print("linked")
    sleep(0)


def dead_greenlet():
    def once():
        print("once")

    greenlet = spawn(once)
    greenlet.join()
    greenlet.throw(ValueError())
    greenlet.kill()
    greenlet.start()
    sleep(0)
    print(greenlet.dead, greenlet.successful())


def time_limit_of_zero():
    greenlet = spawn(turns, "a")
    greenlet.join(0)
    print(bool(greenlet.ready()))
    print(Event().wait(0))
    spawned = spawn(nap, "b", QUICK)
    print(len(joinall([spawned], 0)))
    spawned.kill()


def pool_with_a_late_comer():
    pool = Pool(1)

    def spawner(name):
        for i in range(2):
            pool.spawn(say, name, i)
            print(name, "spawned", i)

    joinall([spawn(spawner, name) for name in "abc"])
    pool.join()


def pool_that_is_killed():
    pool = Pool(1)
    pool.spawn(careful, "a")
    waiting = spawn(pool.spawn, careful, "b")
    sleep(0)
    pool.kill()
    print(len(pool), bool(waiting.ready()))


def pool_of_two():
    pool = Pool(2)

    def job(name, seconds):
        print(name, "with", len(pool))
        sleep(seconds)
        print(name, "done")

    for name, seconds in (("a", 3 * SLOW), ("b", QUICK), ("c", QUICK), ("d", QUICK)):
        pool.spawn(job, name, seconds)
        print("spawned", name)
    pool.join()
    print(len(pool))


def block_for_ever():
    try:
        Event().wait()
    except LoopExit:
        print("LoopExit")
    print("goes on")


def a_computation():
    def compute():
        end = time.monotonic() + 2 * SLOW
        while time.monotonic() < end:
            pass
        print("computed")

    joinall([spawn(nap, "a", QUICK), spawn(compute)])


PROGRAMS = [
    start_order, spawn_in_spawn, egon_and_alex, completion_order, joinall_with_timeout, round_robin,
    equal_sleeps, an_error, kill, kill_what_comes_later, killall_with_timeout, links, timeout,
    event_and_a_newcomer, event_whose_waiter_leaves, killall_at_once, joinall_the_same_twice,
    links_that_change_links, dead_greenlet, time_limit_of_zero, pool_with_a_late_comer,
    pool_that_is_killed, queue_of_one, queue_without_limit, event_cleared_at_once, event, pool_of_two, block_for_ever,
    a_computation,
]

for program in PROGRAMS:
    print("==", program.__name__)
    program()
