"""What all tests share: how hypothesis searches."""

from __future__ import annotations

from hypothesis import settings

# The suite gives the same verdict on every machine and day: fixed examples, and no verdict by the clock.
# `pytest --hypothesis-profile=search` looks further, with other examples each time.
settings.register_profile("suite", deadline=None, derandomize=True)
settings.register_profile("search", deadline=None, max_examples=2000, print_blob=True)
settings.load_profile("suite")
