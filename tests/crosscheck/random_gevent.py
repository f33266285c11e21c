"""Runs the programs of random.ts with gevent: as JSON from stdin, with a tick in seconds; prints what each printed."""

import gc
import json
import sys

import gevent
from gevent import Greenlet, GreenletExit, Timeout, joinall, killall, sleep, spawn, spawn_later
from gevent.event import Event
from gevent.pool import Pool
from gevent.queue import Empty, Full, Queue

from runner import Return, Runner, text

STARTS = ("spawn", "spawnLater", "poolSpawn", "create")
CAUGHT = {"GreenletExit": GreenletExit, "ValueError": ValueError, "nothing": ()}


class GeventRunner(Runner):
    def __init__(self, program, tick):
        super().__init__(program, tick)
        self.greenlets = {}
        self.links = {}
        self.events = [Event() for _ in range(program["flags"])]
        self.queues = [Queue(size or None) for size in program["queues"]]
        self.pools = [Pool(size) for size in program["pools"]]

    def names(self, greenlets):
        numbers = {id(greenlet): number for number, greenlet in self.greenlets.items()}
        return [numbers[id(greenlet)] for greenlet in greenlets]

    def body(self, number):
        self.lines.append(f"{number} begins")
        try:
            self.block(self.program["bodies"][number])
            self.lines.append(f"{number} ends")
        except Return:
            self.lines.append(f"{number} returns")
        except BaseException as error:
            self.lines.append(f"{number} fails {text(error)}")
            raise
        return f"result{number}"

    def block(self, operations):
        for o in operations:
            self.operate(o)

    def operate(self, o):
        op = o["op"]
        greenlet = self.greenlets.get(o.get("greenlet"))
        seconds = self.seconds(o)
        if "greenlet" in o and greenlet is None and op not in STARTS:
            return self.say(o, "missing")
        if "greenlets" in o:
            some = [self.greenlets[n] for n in o["greenlets"] if n in self.greenlets]
        if op == "print":
            self.say(o)
        elif op == "nap":
            sleep(0)
            self.say(o)
        elif op == "sleep":
            sleep(seconds)
            self.say(o)
        elif op == "spawn":
            self.greenlets[o["greenlet"]] = spawn(self.body, o["greenlet"])
            self.say(o)
        elif op == "spawnLater":
            self.greenlets[o["greenlet"]] = spawn_later(seconds, self.body, o["greenlet"])
            self.say(o)
        elif op == "create":
            self.greenlets[o["greenlet"]] = Greenlet(self.body, o["greenlet"])
            self.say(o)
        elif op == "start":
            greenlet.start()
            self.say(o)
        elif op == "poolSpawn":
            pool = self.pools[o["pool"]]
            self.greenlets[o["greenlet"]] = pool.spawn(self.body, o["greenlet"])
            self.say(o, len(pool), pool.free_count())
        elif op == "poolJoin":
            self.say(o, self.pools[o["pool"]].join(seconds))
        elif op == "poolKill":
            self.pools[o["pool"]].kill(block=o["block"], timeout=seconds)
            self.say(o)
        elif op == "join":
            greenlet.join(seconds)
            self.say(o, bool(greenlet.ready()))
        elif op == "get":
            try:
                self.say(o, greenlet.get(timeout=seconds))
            except (ValueError, Timeout) as error:
                if not o["safe"]:
                    raise
                self.say(o, error)
        elif op == "kill":
            error = ValueError() if o["error"] else GreenletExit
            greenlet.kill(error, block=o["block"], timeout=seconds)
            self.say(o, bool(greenlet.ready()))
        elif op == "killAll":
            try:
                killall(some, block=o["block"], timeout=seconds)
                self.say(o)
            except Timeout as error:
                self.say(o, error)
        elif op == "joinAll":
            self.say(o, self.names(joinall(some, seconds)))
        elif op == "link":
            self.links[o["link"]] = self.link(o)
            greenlet.rawlink(self.links[o["link"]])
            self.say(o)
        elif op == "linkAgain":
            if o["link"] in self.links:
                greenlet.rawlink(self.links[o["link"]])
            self.say(o)
        elif op == "unlink":
            greenlet.unlink(self.links.get(o["link"]))
            self.say(o)
        elif op in ("set", "clear"):
            getattr(self.events[o["event"]], op)()
            self.say(o)
        elif op == "wait":
            self.say(o, self.events[o["event"]].wait(seconds))
        elif op in ("put", "take", "putNowait", "takeNowait"):
            self.queue(o, self.queues[o["queue"]], seconds)
        elif op == "state":
            self.say(o, bool(greenlet.ready()), greenlet.successful(), greenlet.value, greenlet.exception)
        elif op == "raise":
            self.say(o)
            raise ValueError()
        elif op == "return":
            raise Return()
        elif op == "timeout":
            with Timeout(seconds) as timeout:
                try:
                    self.block(o["do"])
                except Timeout as error:
                    if o["mine"] and error is not timeout:
                        raise
                    self.say(o, "too late")
            self.say(o)
        elif op == "try":
            try:
                self.block(o["do"])
            except CAUGHT[o["catch"]] as error:
                self.say(o, error)
                self.block(o["handler"])
            finally:
                self.say(o, "finally")
                self.block(o["always"])
        else:
            raise AssertionError(op)

    def link(self, o):
        def called(greenlet):
            self.lines.append(f"{o['id']} called {text(greenlet.value)}")
            if "set" in o:
                self.events[o["set"]].set()
            if "clear" in o:
                self.events[o["clear"]].clear()
            if "kill" in o and o["kill"] in self.greenlets:
                self.greenlets[o["kill"]].kill(block=False)
            if "unlink" in o and o["unlink"] in self.greenlets:
                self.greenlets[o["unlink"]].unlink(self.links.get(o["other"]))
            if "relink" in o and o["relink"] in self.greenlets:
                self.greenlets[o["relink"]].rawlink(
                    lambda other: self.lines.append(f"{o['id']} called once more")
                )

        return called

    def queue(self, o, queue, seconds):
        op = o["op"]
        try:
            if op == "put":
                result = queue.put(f"item{o['id']}", timeout=seconds)
            elif op == "putNowait":
                result = queue.put_nowait(f"item{o['id']}")
            else:
                result = queue.get(timeout=seconds) if op == "take" else queue.get_nowait()
            self.say(o, result, queue.qsize())
        except (Empty, Full) as error:
            self.say(o, error)

    def run(self):
        if self.program.get("ticks") is not None:
            sleep(self.tick)  # so that callbacks of the program before do not count as its own
        self.greenlets[0] = spawn(self.body, 0)
        if self.program.get("ticks") is None:
            for _ in range(60):
                sleep(0)
        else:
            sleep((self.program["ticks"] + 2) * self.tick)
        # What is left waits for something that will not happen.
        self.lines.append("kill all")
        for _ in range(8):
            for greenlet in self.greenlets.values():
                greenlet.kill(block=False)
            for _ in range(12):
                sleep(0)
        self.lines.append(f"left {sum(not greenlet.ready() for greenlet in self.greenlets.values())}")
        return list(self.lines)


def main():
    gc.disable()  # it would take longer than a tick
    gevent.get_hub().exception_stream = None
    programs, tick = json.load(sys.stdin)
    lines = [None] * len(programs)
    timed = [i for i, program in enumerate(programs) if (program.get("ticks") or 0) > 1]
    for i, program in enumerate(programs):
        if i not in timed:
            lines[i] = GeventRunner(program, tick).run()
    greenlets = [spawn(GeventRunner(programs[i], tick).run) for i in timed]
    joinall(greenlets)
    for i, greenlet in zip(timed, greenlets):
        lines[i] = greenlet.get()
    json.dump(lines, sys.stdout)


main()
