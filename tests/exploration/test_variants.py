"""The exploration can fail: every variant of rotator that is broken on purpose is caught on a recorded path."""

from __future__ import annotations

import pytest

from tests.exploration.replay import replayed
from tests.exploration.variants import TABLE, Variant


@pytest.mark.parametrize("variant", TABLE, ids=lambda each: each.name)
def test_a_variant_that_is_broken_on_purpose_is_caught_by_the_very_rule(variant: Variant) -> None:
    with variant.in_force():
        assert replayed(variant.key).broken.split()[0].rstrip(":") == variant.rule


@pytest.mark.parametrize("variant", TABLE, ids=lambda each: each.name)
def test_on_the_same_path_rotator_as_it_is_breaks_no_rule(variant: Variant) -> None:
    assert not replayed(variant.key).broken
