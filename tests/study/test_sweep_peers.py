"""Dask's executor, handed in, finds the same records bit for bit."""

import warnings

import pytest
from sweeping import ASKED, CRITERIA, build, same

from minprune.study.sweep import sweep

pytestmark = pytest.mark.peers
distributed = pytest.importorskip("distributed")


@pytest.fixture(scope="module")
def alone():
    return sweep(build, CRITERIA, [0.5, 0.8], [0, 1], **ASKED, workers=0)


@pytest.mark.parametrize("processes", [True, False])
def test_a_dask_cluster_finds_what_one_process_finds(processes, alone, tmp_path):
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=2, processes=processes, dashboard_address=None
        ) as cluster,
        distributed.Client(cluster) as client,
        client.get_executor() as executor,
    ):
        other = sweep(build, CRITERIA, [0.5, 0.8], [0, 1], **ASKED, folder=tmp_path, executor=executor)
    assert same(other.records) == same(alone.records)
    again = sweep(build, CRITERIA, [0.5, 0.8], [0, 1], **ASKED, folder=tmp_path, workers=0)
    assert again.records == other.records  # what one has kept, the other reads


def test_a_run_that_fails_on_a_cluster_is_named(tmp_path):
    with (
        warnings.catch_warnings(),
        distributed.LocalCluster(n_workers=1, processes=False, dashboard_address=None) as cluster,
        distributed.Client(cluster) as client,
    ):
        with pytest.raises(ZeroDivisionError) as caught:
            sweep(build, CRITERIA, [0.5], [0], **ASKED | {"finetune": lambda network, seed: 1 // seed},
                  folder=tmp_path, executor=client.get_executor(), controls=[])  # fmt: skip
        assert caught.value.__notes__[-1].startswith("in the run seed=0, control=None, sparsity=0.5, criterion=")
