"""A training that is watched on the playground's page, and who may drive it."""

import threading

import pytest

from agents.views.playground import learning
from agents.views.playground.learning import LiveTraining


class FakeTraining:
    """Counts its reports; the first waits until it may end. It must not be asked twice at once."""

    ended = False
    network = None

    def __init__(self, _):
        self.reports = 0
        self.at_work = threading.Lock()
        self.began, self.may_end = threading.Event(), threading.Event()

    def advance(self):
        assert self.at_work.acquire(blocking=False), "two trainings of one network at once"
        self.began.set()
        assert self.may_end.wait(20)
        self.reports += 1
        self.at_work.release()


@pytest.fixture
def live(monkeypatch):
    monkeypatch.setattr(learning, "SupervisedTraining", FakeTraining)
    monkeypatch.setattr(learning, "Tracer", lambda _: None)
    monkeypatch.setattr(learning, "cell_of", lambda _: None)
    return LiveTraining(0)


def test_who_goes_on_before_the_earlier_report_is_there_waits_and_takes_over(live):
    training = live._training
    earlier = []
    watcher = threading.Thread(target=lambda: earlier.extend(live.reports()))
    watcher.start()
    assert training.began.wait(20)
    live.stop()
    later = live.reports()
    threading.Timer(0.2, training.may_end.set).start()
    next(later)
    watcher.join(20)
    assert not watcher.is_alive()
    assert len(earlier) == 1
    assert training.reports == 2
    next(later)
    assert training.reports == 3


def test_it_ends_when_it_is_stopped_and_at_its_end(live):
    live._training.may_end.set()
    reports = live.reports()
    next(reports)
    live.stop()
    assert list(reports) == []
    again = live.reports()
    next(again)
    live._training.ended = True
    assert list(again) == []
    assert live._training.reports == 2
