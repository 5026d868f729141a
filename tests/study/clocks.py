"""A clock that stands still until it is told to go on, so that a test knows every time that is measured."""

from itertools import cycle


class Clock:
    """Read as `perf_counter_ns`; the models that it makes take the times that they are given."""

    def __init__(self):
        self.now = 0
        self.calls = []  # (name, batch), in the order of the calls

    def __call__(self):
        return self.now

    def model(self, name, *nanoseconds):
        """Return a model whose calls take these times in turn; it answers with its input."""
        durations = cycle(nanoseconds)

        def model(x):
            self.calls.append((name, x))
            self.now += next(durations)
            return x

        return model

    @property
    def names(self):
        return [name for name, _ in self.calls]


class Ticking(Clock):
    """A clock on which a look takes time, so that who watches it sees it move, and on which one can sleep."""

    def __init__(self, late=0, look=100):
        super().__init__()
        self.late, self.look = late, look  # nanoseconds
        self.slept = []

    def __call__(self):
        self.now += self.look
        return self.now

    def sleep(self, seconds):
        self.slept.append(seconds)
        self.now += round(seconds * 1e9) + self.late
