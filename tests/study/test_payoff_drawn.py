import pytest
from test_drawn import assert_drawn_as_it_was, figures_of


@pytest.mark.parametrize("name", figures_of("payoff"))
def test_a_figure_is_drawn_as_it_was_artist_by_artist(name):
    assert_drawn_as_it_was(name)
