"""How each bundled set is made of its file, on files of a few rows, quickly and to the last column."""

import numpy as np
import pytest

from minprune import datasets
from minprune.splits import deal

RNG = np.random.default_rng(0)


def rows_of(y, fractions):
    return deal(y, fractions, np.random.default_rng(0))


def assert_parts(data, parts):
    """Whether the parts hold these inputs and labels, as nobody can change them."""
    for part, (x, y) in zip(data.parts.values(), parts, strict=True):
        np.testing.assert_allclose(part.x, x, rtol=1e-6, atol=1e-6)
        assert part.y.tolist() == y.tolist()
        assert (part.x.dtype, part.y.dtype) == (np.float32, np.int64)
        for array in part:
            with pytest.raises(ValueError, match="WRITEABLE"):
                array.setflags(write=True)


def test_mnist_is_scaled_by_the_published_numbers_and_its_test_stays_apart():
    y, test_y = np.repeat([0, 1], 6).astype(np.uint8), np.array([9, 0, 3], np.uint8)
    x, test_x = (RNG.integers(0, 256, (n, 784)).astype(np.uint8) for n in (12, 3))
    data = datasets._mnist({"train_x": x, "train_y": y, "test_x": test_x, "test_y": test_y})
    train, valid = rows_of(y, (5 / 6, 1 / 6))
    assert (len(train), len(valid)) == (10, 2)
    scaled, test = ((pixels / 255 - 0.1307) / 0.3081 for pixels in (x, test_x))
    assert_parts(data, [(scaled[train], y[train]), (scaled[valid], y[valid]), (test, test_y)])
    assert (data.name, data.classes, data.groups) == ("mnist", tuple("0123456789"), {})
    assert data.description == "Handwritten digits, 28 × 28 pixels (LeCun and Cortes)"
    assert data.feature_names[27:29] == ("pixel 0,27", "pixel 1,0")


def test_digits_are_scaled_by_the_pixels_of_train():
    x, y = RNG.integers(0, 17, (20, 64)).astype(np.uint8), (np.arange(20) % 2).astype(np.uint8)
    data = datasets._digits({"x": x, "y": y})
    parts = rows_of(y, (0.6, 0.2, 0.2))
    scaled = (x - x[parts[0]].mean()) / x[parts[0]].std()
    assert_parts(data, [(scaled[rows], y[rows]) for rows in parts])
    assert (data.name, data.classes, data.groups) == ("digits", tuple("0123456789"), {})
    assert data.description == "Handwritten digits, 8 × 8 pixels (Alpaydin and Kaynak 1998)"
    assert data.feature_names[7:9] == ("pixel 0,7", "pixel 1,0")


def test_credit_has_a_column_for_each_number_and_for_each_code_that_train_knows():
    facts = ["LIMIT_BAL", "SEX", "EDUCATION", "MARRIAGE", "AGE", *(f"PAY_{m}" for m in (0, 2, 3, 4, 5, 6))]
    facts += [f"{kind}{month}" for kind in ("BILL_AMT", "PAY_AMT") for month in range(1, 7)]
    y = (np.arange(40) % 4 == 0).astype(np.uint8)
    parts = rows_of(y, (0.6, 0.2, 0.2))
    raw = {fact: RNG.integers(0, 1000, 40) for fact in facts}
    raw |= {"SEX": RNG.integers(1, 3, 40), "EDUCATION": np.ones(40, int), "MARRIAGE": np.full(40, 2)}
    raw |= {fact: np.zeros(40, int) for fact in facts if fact.startswith("PAY_") and not fact.startswith("PAY_AMT")}
    raw["EDUCATION"][parts[1][0]] = 2  # which no customer in train has
    raw["PAY_3"][parts[0][:3]] = [3, 8, -1]
    data = datasets._credit(raw | {"default": y})
    expected = {}
    for fact in facts:
        values = raw[fact]
        if fact == "SEX":
            expected |= {"SEX=male": values == 1, "SEX=female": values == 2}
        elif fact == "EDUCATION":
            expected |= {"EDUCATION=graduate school": values == 1}
        elif fact == "MARRIAGE":
            expected |= {"MARRIAGE=single": values == 2}
        elif fact == "PAY_3":
            expected |= {"PAY_3=-1": values == -1, "PAY_3=0": values == 0, "PAY_3=3+": values >= 3}
        elif fact.startswith("PAY_") and not fact.startswith("PAY_AMT"):
            expected |= {f"{fact}=0": values == 0}
        else:
            expected[fact] = datasets._percentile(values, among=values[parts[0]])
    assert data.feature_names == tuple(expected)
    x = np.stack(list(expected.values()), axis=1).astype(float)
    assert_parts(data, [(x[rows], y[rows]) for rows in parts])
    for fact in facts:
        named = [i for i, name in enumerate(expected) if name.partition("=")[0] == fact]
        assert data.groups[fact] == tuple(named)
    assert list(data.groups) == facts
    assert (data.name, data.classes) == ("credit", ("paid", "default"))
    assert data.description == "Will a credit card customer of October 2005 default? (Yeh and Lien 2009)"
