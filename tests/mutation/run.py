"""Mutation testing of minprune: change one thing in the code, and see whether a test notices.

    pip install -e ".[test]" --group mutation
    python tests/mutation/run.py                         # everything; hours, and goes on where it stopped
    python tests/mutation/run.py minprune.nn             # one part
    python tests/mutation/run.py --again                 # those that survived unexplained, after new tests
    python tests/mutation/run.py --again minprune.nn.losses --tests tests/nn/test_losses.py
    mutmut results; mutmut show NAME                     # what survived, and what had been changed

mutmut makes the mutants, activates one by the environment and keeps its verdicts in mutants/. Running them is ours, for
one reason: mutmut starts pytest anew for each of 31,000 mutants, and collecting 10,000 tests takes longer than most
mutants live. Here the tests are collected once, and each mutant is tried in a fork of that process.

A mutant is tried on the tests that run its function, as a run without any mutant has noted: first those that killed
others of the same function, then its own file's, then its package's, shortest first, until `--seconds` of tests have
gone by. So a survivor may still fall to a test that was not tried: the score is a lower bound.

What a test file makes while it is imported, the rows of a table say, was made without the mutant. So whoever survives
in a function that runs then is tried once more, by a pytest of its own on those files.
"""

import argparse
import gc
import json
import os
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter, defaultdict
from pathlib import Path

import pytest
from mutants import function, generate, hash_of
from report import survivors
from worker import Worker

os.environ["HYPOTHESIS_PROFILE"] = "mutation"
os.environ["OPENBLAS_NUM_THREADS"] = "1"
KILLED, SURVIVED, NO_TESTS, TIMEOUT = 1, 0, 33, 36  # mutmut's own codes
SLOW = ("tests/test_tutorials.py", "tests/test_mnist_tables.py", "tests/test_readme.py", "tests/test_randomised.py")


def cpu_time():
    """Return the seconds that this process has worked so far, and those it waited for: others may use the machine."""
    return sum(os.times()[:4])


class Mutation:
    """A pytest plugin that takes the place of running the collected tests once."""

    def __init__(self, files, options, again):
        self.files, self.options, self.again = files, options, again
        self.importing = defaultdict(set)  # of each function: the test files that run it while they are imported
        self.ways = [self.start] if options.quick else [self.start, self.start_anew]
        self.unsaved, self.saved = {}, 0.0
        self.pipe = None  # where a mutant's process names the test that failed
        self.killers = defaultdict(list)  # of each function and module: the tests that found its other mutants

    def pytest_collectreport(self, report):
        """Note which functions a test file runs while it is imported."""
        from mutmut.state import state

        for function_ in state()._stats:
            self.importing[function_].add(report.nodeid.partition("::")[0])
        state()._stats.clear()

    def pytest_runtestloop(self, session):
        from mutmut.mutation.trampoline import set_mutant_under_test

        set_mutant_under_test("")
        self.items = {item.nodeid: item for item in session.items}
        self.session = session
        self.times, self.covering = self.statistics()
        self.seconds = Counter()  # of each test file
        for name, spent in self.times.items():
            self.seconds[name.partition("::")[0]] += spent
        gc.freeze()
        self.everything()
        return True

    def run(self, names, after=None):
        """Run tests in this process, all of them if `after` is there to be told, else until one fails."""
        signal.signal(signal.SIGINT, signal.default_int_handler)
        base = Path(tempfile.mkdtemp(dir=self.options.scratch))
        self.session.config._tmp_path_factory._basetemp = base
        for place, name in enumerate(names):
            item, before = self.items[name], self.session.testsfailed
            following = self.items[names[place + 1]] if place + 1 < len(names) else None
            start = cpu_time()
            if not after:  # CPU time, since others may be using the machine; SIGPROF ends the process
                signal.setitimer(signal.ITIMER_PROF, 2 + 8 * self.times[name])
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
            failed = self.session.testsfailed > before
            if after:
                after(name, cpu_time() - start, failed)
            if failed and not after:
                return KILLED
        shutil.rmtree(base, ignore_errors=True)
        return SURVIVED

    def pytest_runtest_makereport(self, item, call):
        """End a mutant's process at the first failure, before pytest writes a report that nobody reads."""
        if self.pipe is not None and call.excinfo and not call.excinfo.errisinstance(pytest.skip.Exception):
            os.write(self.pipe, item.nodeid.encode())
            os._exit(KILLED)

    def statistics(self):
        """Return each test's seconds and each function's tests; only new or changed test files are run for it."""
        place = Path("minprune-tests.json")
        kept = json.loads(place.read_text()) if place.exists() else {}
        by_file = defaultdict(list)
        for name in self.items:
            by_file[name.partition("::")[0]].append(name)
        for number, (file, names) in enumerate(sorted(by_file.items()), 1):
            stamp = hash_of(file)
            if kept.get(file, {}).get("stamp") == stamp and not self.options.stats:
                continue
            print(f"  {number}/{len(by_file)} {file}", flush=True)
            worker = Worker(lambda pipe, names=names: self.note(names), limit=900)
            worker.wait()
            noted = Path("noted.json")
            kept[file] = {"stamp": stamp, "tests": json.loads(noted.read_text()) if noted.exists() else {}}
            noted.unlink(missing_ok=True)
            place.write_text(json.dumps(kept))
        times, covering = {}, defaultdict(set)
        for file in by_file:
            for name, (seconds, failed, functions) in kept[file]["tests"].items():
                if failed:
                    print(f"  fails without any mutant, so is left out: {name}")
                elif name in self.items:
                    times[name] = seconds
                    for hit in functions:
                        covering[hit].add(name)
        return times, covering

    def note(self, names):
        from mutmut.mutation.trampoline import set_mutant_under_test
        from mutmut.state import state

        set_mutant_under_test("stats")
        noted = {}

        def after(name, seconds, failed):
            noted[name] = (seconds, failed, sorted(state()._stats))
            state()._stats.clear()

        self.run(names, after)
        Path("noted.json").write_text(json.dumps(noted))
        return 0

    def tests(self, mutant):
        """Return the tests to try a mutant on, in order."""
        module = mutant.rpartition(".")[0]
        own = "tests/" + module.partition(".")[2].replace(".", "/test_")
        stem, package = module.rpartition(".")[2], "tests/" + "/".join(module.split(".")[1:-1])

        def near(name):
            file = name.partition("::")[0]
            mirrored = stem in Path(file).stem or file.startswith(own)
            return (0 if mirrored else 1 if package != "tests/" and file.startswith(package) else 2), self.times[name]

        chosen, spent = [], 0.0
        covering = self.covering.get(function(mutant), set())
        killers = [name for name in self.killers[function(mutant)] + self.killers[module] if name in covering]
        for name in dict.fromkeys(killers + sorted(covering, key=near)):
            if spent + self.times[name] > self.options.seconds and chosen:
                if self.times[name] > self.options.seconds / 4:
                    continue  # a long one: those after it may still fit
                break
            chosen.append(name)
            spent += self.times[name]
        return chosen, spent

    def start(self, mutant):
        from mutmut.mutation.trampoline import set_mutant_under_test

        names, spent = self.tests(mutant)

        def work(pipe):
            set_mutant_under_test(mutant)
            self.pipe = pipe
            return self.run(names)

        return Worker(work, limit=60 + 20 * spent)  # seconds on the wall, for what sleeps if names else None

    def start_anew(self, mutant):
        """Try a mutant in a new process, on the test files that run its function while they are imported."""

        running = [file for file in self.importing.get(function(mutant), ()) if self.seconds[file]]
        if not running:
            return None
        package = "tests/" + "/".join(
            mutant.split(".")[1:-2]
        )  # whoever imports it first says little about who needs it
        near = [file for file in self.seconds if file.startswith(package)]
        files, spent = [], 0.0
        for file in dict.fromkeys(sorted(running, key=self.seconds.get) + sorted(near, key=self.seconds.get)):
            if not files or spent + self.seconds[file] < 5 * self.options.seconds:
                files.append(file)
                spent += self.seconds[file]

        def work(pipe):
            arguments = ["-m", "pytest", "--rootdir=.", "-x", "-q", "--tb=no", "-p", "no:cacheprovider", *files]
            return os.execve(sys.executable, [sys.executable, *arguments], os.environ | {"MUTANT_UNDER_TEST": mutant})

        return Worker(work, limit=60 + 20 * spent)

    def everything(self):
        todo = [(data, name) for data in self.files for name, code in self.sample(data) if self.due(name, code)]
        asked = self.options.names
        todo.sort(key=lambda each: next((i for i, start in enumerate(asked) if each[1].startswith(start)), 0))
        total = len(todo)
        print(f"{total} mutants to try, {self.options.children} at a time", flush=True)
        running, begun, done = [], time.monotonic(), 0
        while todo or running:
            while todo and len(running) < self.options.children:
                self.advance(running, *todo.pop(0), ways=self.ways, so_far=NO_TESTS)
            if running:
                data, mutant, worker, ways = running.pop(0)
                code, killer = worker.wait()
                if code == SURVIVED:
                    self.advance(running, data, mutant, ways, SURVIVED)
                else:
                    self.verdict(data, mutant, code, killer)
            if (tried := total - len(todo)) // 200 > done:
                done, spent = tried // 200, time.monotonic() - begun
                print(f"  {tried}/{total} {spent:.0f} s, {spent / tried:.2f} s each: {self.tally()}", flush=True)
        self.save()
        print(self.tally())

    def advance(self, running, data, mutant, ways, so_far):
        """Begin the next way to try a mutant, or give the verdict when none is left."""
        for place, way in enumerate(ways):
            if (worker := way(mutant)) is not None:
                running.append((data, mutant, worker, ways[place + 1 :]))
                return
        self.verdict(data, mutant, so_far, "")

    def sample(self, data):
        """Return a file's mutants: all of them, or every so many-th."""
        return list(data.exit_code_by_key.items())[:: self.options.every]

    def due(self, name, code):
        wanted = not self.options.names or any(name.startswith(start) for start in self.options.names)
        return wanted and (code is None or name in self.again)

    def verdict(self, data, mutant, code, killer):
        if code in (None, -signal.SIGPROF):
            code = TIMEOUT
        elif code not in (SURVIVED, NO_TESTS, TIMEOUT):
            code = KILLED
        data.exit_code_by_key[mutant] = code
        for place in (function(mutant), mutant.rpartition(".")[0]):
            if killer:
                known = self.killers[place]
                if killer in known:
                    known.remove(killer)
                self.killers[place] = [killer, *known[:9]]
        self.unsaved[str(data.path)] = data
        if time.monotonic() - self.saved > 5:
            self.save()

    def save(self):
        """Keep the verdicts, each file whole whenever this program is stopped."""
        for data in self.unsaved.values():
            final = data.meta_path
            data.meta_path = final.with_suffix(".new")
            data.save()
            data.meta_path = data.meta_path.replace(final)
        self.unsaved.clear()
        self.saved = time.monotonic()

    def tally(self):
        codes = [code for data in self.files for code in data.exit_code_by_key.values() if code is not None]
        caught = sum(code not in (SURVIVED, NO_TESTS) for code in codes)
        return f"{caught} of {len(codes)} killed, {caught / max(1, len(codes)):.1%}"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="MODULE", help="only mutants whose name begins so")
    parser.add_argument("--children", type=int, default=1, help="mutants tried at a time (1)")
    parser.add_argument("--seconds", type=float, default=4.0, help="of tests for one mutant (4)")
    parser.add_argument("--every", type=int, default=1, help="only every so many-th mutant: a sample (1)")
    parser.add_argument("--quick", action="store_true", help="don't try survivors in a process of their own")
    parser.add_argument("--again", action="store_true", help="try again those that survived, if no line explains them")
    parser.add_argument("--explained", action="store_true", help="with --again: those that a line explains as well")
    parser.add_argument("--tests", nargs="+", default=["tests"], metavar="PATH", help="only with these tests (all)")
    parser.add_argument("--stats", action="store_true", help="note again which test runs which function")
    options = parser.parse_args()
    from mutmut.mutation.trampoline import set_mutant_under_test

    signal.signal(signal.SIGINT, signal.default_int_handler)
    files = list(generate().values())
    print(f"{sum(len(data.exit_code_by_key) for data in files)} mutants in {len(files)} files", flush=True)
    again = survivors(files, options.explained) if options.again else set()
    with tempfile.TemporaryDirectory() as scratch:
        options.scratch = scratch
        os.environ["PYTHONPATH"] = os.path.abspath("mutants")
        root = Path.cwd()
        os.chdir("mutants")
        for data in files:
            data.meta_path = root / data.meta_path
        arguments = ["--rootdir=.", "-q", "-s", "--tb=native", "-p", "no:cacheprovider", *options.tests]
        set_mutant_under_test("stats")  # while the tests are collected
        arguments += [f"--ignore={slow}" for slow in SLOW]
        code = pytest.main(arguments, plugins=[Mutation(files, options, again)])
    return code


if __name__ == "__main__":
    sys.exit(main())
