"""Runs the programs of random.ts with asyncio: as JSON from stdin, with a tick in seconds; prints what each printed."""

import asyncio
import gc
import json
import logging
import sys
from asyncio import CancelledError, create_task, gather, sleep, wait, wait_for

from runner import Return, Runner, text

RETURN_WHEN = {
    "ALL_COMPLETED": asyncio.ALL_COMPLETED,
    "FIRST_COMPLETED": asyncio.FIRST_COMPLETED,
    "FIRST_EXCEPTION": asyncio.FIRST_EXCEPTION,
}
SAFE = [(), (ValueError, asyncio.TimeoutError), (ValueError, asyncio.TimeoutError, CancelledError)]
CAUGHT = {"CancelledError": CancelledError, "ValueError": ValueError, "nothing": ()}


class AsyncioRunner(Runner):
    def __init__(self, program, tick):
        super().__init__(program, tick)
        self.tasks = {}
        self.gathers = {}
        loop = asyncio.get_running_loop()
        self.futures = [loop.create_future() for _ in range(program["flags"])]

    def target(self, o):
        if "task" in o:
            return self.tasks.get(o["task"])
        if "future" in o:
            return self.futures[o["future"]]
        if "gather" in o:
            return self.gathers.get(o["gather"])
        return None

    async def body(self, number):
        self.lines.append(f"{number} begins")
        try:
            await self.block(self.program["bodies"][number])
            self.lines.append(f"{number} ends")
        except Return:
            self.lines.append(f"{number} returns")
        except BaseException as error:
            self.lines.append(f"{number} fails {text(error)}")
            raise
        return f"result{number}"

    async def block(self, operations):
        for o in operations:
            await self.operate(o)

    async def outcome(self, o, awaitable):
        try:
            self.say(o, await awaitable)
        except SAFE[o["safe"]] as error:
            self.say(o, error)

    async def operate(self, o):
        op = o["op"]
        if op == "print":
            self.say(o)
        elif op == "nap":
            await sleep(0)
            self.say(o)
        elif op == "sleep":
            await sleep(self.seconds(o))
            self.say(o)
        elif op == "spawn":
            self.tasks[o["task"]] = create_task(self.body(o["task"]))
            self.say(o)
        elif op in ("await", "awaitGather"):
            target = self.target(o)
            if target is None:
                return self.say(o, "missing")
            await self.outcome(o, target)
        elif op in ("cancel", "cancelGather"):
            target = self.target(o)
            self.say(o, "missing" if target is None else target.cancel())
        elif op in ("set", "fail"):
            future = self.target(o)
            if future.done():
                return self.say(o, "done already")
            if op == "set":
                future.set_result(f"set{o['id']}")
            else:
                future.set_exception(ValueError())
            self.say(o)
        elif op == "gather":
            await self.gather(o)
        elif op == "wait":
            targets = [target for target in map(self.target, o["of"]) if target is not None]
            if not targets:
                return self.say(o, "missing")
            done, pending = await wait(
                targets, timeout=self.seconds(o), return_when=RETURN_WHEN[o["returnWhen"]]
            )
            self.say(o, [target in done for target in targets], len(done), len(pending))
        elif op == "waitFor":
            target = self.body(o["body"]) if "body" in o else self.target(o)
            if target is None:
                return self.say(o, "missing")
            await self.outcome(o, wait_for(target, self.seconds(o)))
        elif op == "callback":
            target = self.target(o)
            if target is None:
                return self.say(o, "missing")
            target.add_done_callback(lambda future: self.say(o, "called", future.cancelled()))
            self.say(o)
        elif op == "state":
            self.state(o)
        elif op == "raise":
            self.say(o)
            raise ValueError()
        elif op == "return":
            raise Return()
        elif op == "try":
            try:
                await self.block(o["do"])
            except CAUGHT[o["catch"]] as error:
                self.say(o, error)
                await self.block(o["handler"])
            finally:
                self.say(o, "finally")
                await self.block(o["always"])
        else:
            raise AssertionError(op)

    async def gather(self, o):
        bodies = {}
        awaitables = []
        for one in o["of"]:
            if "body" in one:
                number = one["body"]
                if number not in bodies:
                    bodies[number] = self.body(number)
                awaitables.append(bodies[number])
            elif self.target(one) is not None:
                awaitables.append(self.target(one))
        gathering = gather(*awaitables, return_exceptions=o["returnExceptions"])
        self.gathers[o["gather"]] = gathering
        if o["now"]:
            await self.outcome(o, gathering)
        else:
            self.say(o)

    def state(self, o):
        target = self.target(o)
        if target is None:
            return self.say(o, "missing")
        self.say(o, target.done(), target.cancelled())
        if target.done() and not target.cancelled():
            self.say(o, target.exception() or target.result())

    async def run(self):
        self.tasks[0] = create_task(self.body(0))
        if self.program.get("ticks") is None:
            for _ in range(60):
                await sleep(0)
        else:
            await sleep((self.program["ticks"] + 2) * self.tick)
        # What is left waits for something that will not happen.
        self.lines.append("cancel all")
        for _ in range(8):
            for target in [*self.futures, *self.gathers.values(), *self.tasks.values()]:
                if not target.done():
                    target.cancel()
            for _ in range(12):
                await sleep(0)
        self.lines.append(f"left {sum(not task.done() for task in self.tasks.values())}")
        return list(self.lines)


async def main():
    gc.disable()  # it would take longer than a tick
    logging.disable()
    programs, tick = json.load(sys.stdin)
    lines = {}
    for i, program in enumerate(programs):
        if program.get("ticks") is None:
            lines[i] = await AsyncioRunner(program, tick).run()
    timed = [i for i, program in enumerate(programs) if i not in lines]
    for i, result in zip(timed, await gather(*(AsyncioRunner(programs[i], tick).run() for i in timed))):
        lines[i] = result
    json.dump([lines[i] for i in range(len(programs))], sys.stdout)


asyncio.run(main())
