"""Save and load under faults: whatever is done to a folder of networks, each file is whole, or refused."""

import os
import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from keeping import digest, networks
from test_files import STEPS, let_fail

from minprune.errors import MinpruneError, StorageError
from minprune.storage import load, save

NAMES = st.sampled_from(["a", "b", "below/c"])


class Keeping(RuleBasedStateMachine):
    """The model: for each name the network that must come back, or the bytes that must be refused."""

    def __init__(self):
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        (self.folder / "below").mkdir()
        self.whole, self.damaged = {}, {}

    def teardown(self):
        shutil.rmtree(self.folder)

    def is_there(self, name):
        return name in self.whole or name in self.damaged

    def forget(self, name):
        self.whole.pop(name, None)
        self.damaged.pop(name, None)

    @rule(name=NAMES, network=networks(), packed=st.booleans(), overwrite=st.booleans())
    def save(self, name, network, packed, overwrite):
        before = digest(network)
        if self.is_there(name) and not overwrite:
            with pytest.raises(StorageError, match="it is there already"):
                save(network, self.folder / name, packed=packed)
        else:
            save(network, self.folder / name, packed=packed, overwrite=overwrite)
            self.forget(name)
            self.whole[name] = (before, (self.folder / name).read_bytes())
        assert digest(network) == before

    @rule(name=NAMES, network=networks(), step=st.sampled_from(STEPS), overwrite=st.booleans())
    def save_that_fails(self, name, network, step, overwrite):
        if step == "chmod" and not (self.is_there(name) and overwrite):
            return  # there are no permissions to carry over
        with pytest.MonkeyPatch.context() as patch:
            let_fail(patch, step, OSError(28, "No space left on device"))
            with pytest.raises(StorageError):
                save(network, self.folder / name, overwrite=overwrite)

    @rule(name=NAMES, network=networks())
    def save_without_hard_links(self, name, network):
        with pytest.MonkeyPatch.context() as patch:
            let_fail(patch, "link", OSError(95, "Operation not supported"))
            self.save(name, network, packed=True, overwrite=False)

    @rule(name=NAMES, to=NAMES, packed=st.booleans())
    def load_and_save_again(self, name, to, packed):
        if name in self.whole:
            network = load(self.folder / name)
            self.save(to, network, packed=packed, overwrite=True)

    @rule(name=NAMES, value=st.sampled_from([float("nan"), float("inf")]))
    def save_what_is_not_finite(self, name, value):
        if name in self.whole:
            network = load(self.folder / name)
            last = network.dense[-1].weight
            last.mask = last.mask | True
            last.value[-1, -1] = value
            with pytest.raises(MinpruneError, match=r"dense\d.weight must be finite"):
                save(network, self.folder / name, overwrite=True)

    @rule(name=NAMES, data=st.data())
    def damage(self, name, data):
        if not self.is_there(name):
            return
        content = bytearray((self.folder / name).read_bytes())
        place = data.draw(st.integers(0, max(0, len(content) - 1)))
        how = data.draw(st.sampled_from(["cut", "flip", "extend", "insert"]))
        if how == "cut":
            del content[place:]
        elif how == "flip" and content:
            content[place] ^= 1 << data.draw(st.integers(0, 7))
        elif how == "extend":
            content += data.draw(st.binary(min_size=1, max_size=9))
        elif how == "insert":
            content[place:place] = data.draw(st.binary(min_size=1, max_size=9))
        (self.folder / name).write_bytes(content)
        if name in self.damaged:  # it may be made good again
            before, good = self.damaged[name]
        else:
            before, good = self.whole[name]
        self.forget(name)
        (self.whole if content == good else self.damaged)[name] = (before, good)

    @rule(name=NAMES)
    def repair(self, name):
        if name in self.damaged:
            self.whole[name] = self.damaged.pop(name)
            (self.folder / name).write_bytes(self.whole[name][1])

    @rule(name=NAMES)
    def remove(self, name):
        if self.is_there(name):
            (self.folder / name).unlink()
            self.forget(name)

    @invariant()
    def each_file_is_whole_or_refused_and_there_is_no_other(self):
        for name, (before, content) in self.whole.items():
            assert digest(load(self.folder / name)) == before
            assert (self.folder / name).read_bytes() == content
        for name in self.damaged:
            with pytest.raises(StorageError):
                load(self.folder / name)
        found = {str(path.relative_to(self.folder)) for path in self.folder.rglob("*") if path.is_file()}
        assert found == set(self.whole) | set(self.damaged)
        assert {path.name for path in self.folder.iterdir() if path.is_dir()} == {"below"}
        assert os.path.isdir(self.folder)


EXAMPLES = settings.default.max_examples  # of a profile: 30 in dev, 60 in ci; here they cost more, and find more
TestKeeping = Keeping.TestCase
TestKeeping.settings = settings(max_examples=10 if EXAMPLES < 60 else max(200, EXAMPLES), stateful_step_count=40)
