"""Its place: pytest puts the folder of a conftest on the path, so the folders below find `generators`; and bars."""

import pytest


@pytest.fixture
def seen(monkeypatch):
    """Return what gives, for a module, a list that fills with what its bars are told."""

    def of(module):
        told = []

        class Seen(module.Progress):
            def __init__(self, *given, **named):
                told.append((given, named))
                super().__init__(*given, **named)

            def step(self, note="", *, by=1):
                told.append(note)
                super().step(note, by=by)

        monkeypatch.setattr(module, "Progress", Seen)
        return told

    return of
