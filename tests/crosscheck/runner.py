"""What random_asyncio.py and random_gevent.py run the programs of random.ts with."""


class Return(Exception):
    """Ends a body."""


def text(value):
    """A value as the programs print it."""
    if isinstance(value, list):
        return "[" + " ".join(map(text, value)) + "]"
    if isinstance(value, BaseException):
        return type(value).__name__
    return "nothing" if value is None else str(value).lower()


class Runner:
    """Runs one program, whose ticks take `tick` seconds."""

    def __init__(self, program, tick):
        self.program = program
        self.tick = tick
        self.lines = []

    def say(self, o, *values):
        """Prints what an operation has given."""
        self.lines.append(" ".join([str(o["id"]), o["op"], *map(text, values)]))

    def seconds(self, o):
        """How long an operation takes; None for one without a time."""
        return o["ticks"] * self.tick if o.get("ticks") is not None else None
