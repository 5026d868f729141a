"""The mutants of minprune, made by mutmut."""

import hashlib
import os
import shutil
import sys
from pathlib import Path


def generate():
    """Write the mutants of every changed file to mutants/, with a copy of what the tests need."""
    from mutmut import __main__ as mutmut

    mutmut.set_mutant_under_test("mutant_generation")
    Path("mutants").mkdir(exist_ok=True)
    shutil.rmtree("mutants/tests", ignore_errors=True)
    quiet, sys.stdout = sys.stdout, open(os.devnull, "w")  # noqa: SIM115
    try:
        mutmut.copy_src_dir()
        mutmut.copy_also_copy_files()
        mutmut.setup_source_paths()
        mutmut.create_mutants(1)
    finally:
        sys.stdout = quiet
    os.environ.pop("MUTANT_UNDER_TEST")
    mutmut.set_mutant_under_test(None)
    return mutmut.collect_source_file_mutation_data(mutant_names=())[1]


def function(mutant):
    """Return the name of a mutant's function as the trampolines note it."""
    return mutant.partition("__mutmut_")[0]


def hash_of(file):
    """Return what tells one version of a test file from another."""
    return hashlib.sha256(Path(file).read_bytes()).hexdigest()[:16]
