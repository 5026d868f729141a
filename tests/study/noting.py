"""Stand-ins that only take notes of what they are asked."""

from types import SimpleNamespace


class Notes(list):
    """Takes the place of a function, and notes what it is called with."""

    def __init__(self, answer=None):
        super().__init__()
        self.answer = answer

    def __call__(self, *args, **more):
        self.append((args, more))
        return self.answer(*args, **more) if callable(self.answer) else self.answer


class Bar(SimpleNamespace):
    """Takes the place of a progress bar."""

    def __call__(self, total, label, *, shown=None):
        self.asked, self.steps = (total, label, shown), []
        return self

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def step(self, note="", *, by=1):
        self.steps.append((note, by))
