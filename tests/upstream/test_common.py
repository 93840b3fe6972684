from __future__ import annotations

from gateway.upstream.common import Common


class Site:
    """A site that takes what it may have, and gives it back."""

    def __init__(self, common: Common, limit: int, waiting: int = 0) -> None:
        self.limit, self.running, self.waiting = limit, 0, waiting
        self._common = common
        common.join(self)

    def advance(self) -> None:
        while self.waiting and self.running < self.limit and self._common.may_start(self):
            self.waiting -= 1
            self.running += 1
            self._common.started(self)
        if self.waiting and self.running < self.limit:
            self._common.blocked(self)

    def end(self, count: int) -> None:
        for _ in range(count):
            self.running -= 1
            self._common.ended(self)
            self.advance()
            self._common.pass_on()


def test_each_has_a_part_of_its_own_and_the_rest_is_for_whoever_comes() -> None:
    common = Common(100)
    greedy = [Site(common, 80, waiting=80) for _ in range(4)]
    calm = Site(common, 80)
    for site in greedy:
        site.advance()
    assert [site.running for site in greedy] == [60, 10, 10, 10], "half of it, by 5, is 10 for each"
    calm.waiting = 20
    calm.advance()
    assert calm.running == 10


def test_what_is_given_back_goes_round() -> None:
    common = Common(40)
    first, second, third = (Site(common, 40, waiting=30) for _ in range(3))
    for site in (first, second, third):
        site.advance()
    assert [first.running, second.running, third.running] == [28, 6, 6]
    first.waiting = 0
    first.end(4)
    assert sum(site.running for site in (first, second, third)) == 40
    assert second.running > 6
    second.waiting = 0
    first.end(first.running)
    second.end(second.running)
    assert (third.running, third.waiting) == (28, 2), "the parts of the others stay theirs"


def test_what_is_not_used_is_there_again() -> None:
    common = Common(40)
    one, two = Site(common, 40), Site(common, 40)
    for _ in range(3):
        for site in (one, two):
            site.waiting = 40
            site.advance()
            assert site.running == 30
            site.waiting = 0
            site.end(site.running)


def test_a_thousand_sites_have_one_each_and_as_many_again_to_share() -> None:
    common = Common(512)
    sites = [Site(common, 20, waiting=20) for _ in range(1000)]
    for site in sites:
        site.advance()
    assert min(site.running for site in sites) == 1
    assert sum(site.running for site in sites) == 2000
