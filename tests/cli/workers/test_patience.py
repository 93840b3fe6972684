from __future__ import annotations

from gateway.cli.workers.patience import Patience


def test_it_runs_out_after_so_many_turns() -> None:
    patience = Patience(10.0, 1.0)
    for _ in range(9):
        patience.wait(1.0)
        assert not patience.out
    assert patience.half
    patience.wait(1.0)
    assert patience.out
    patience.renew()
    assert not (patience.out or patience.half)


def test_time_in_which_we_did_not_run_ourselves_is_nobodys_silence() -> None:
    patience = Patience(10.0, 1.0)
    for stood_still in (3600.0, 86_400.0, -7200.0):  # a machine that slept, a clock that was set
        patience.wait(stood_still)
    assert patience.spent == 4.0
    assert not patience.out
