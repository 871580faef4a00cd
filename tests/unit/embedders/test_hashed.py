"""Hashed vectors: the same everywhere, nearer the more wording is shared."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from governance.domain.errors import ConfigError
from governance.domain.values import sha256_hex
from governance.embedders.hashed import HashedEmbedder

TEXTS = ["Refunds are paid within thirty days.", "", "Straße 東京 😀 \0 \ud800", "a", "word " * 500, "x" * 200_000]
KNOWN = "13d8e46db5ea20043e5e1dbae4c3aa35875c59a6383c7dd75710ffd791c73643"


def embedded(text: str, dimension: int = 256) -> np.ndarray:
    return np.asarray(HashedEmbedder(dimension).embed([text])[0])


def cosine(one: str, other: str) -> float:
    return float(embedded(one) @ embedded(other))


def digest() -> str:
    return sha256_hex(b"".join(vector.tobytes() for vector in HashedEmbedder().embed(TEXTS)))


@pytest.mark.parametrize("seed", ["0", "1", "random"])
def test_every_process_gives_the_same_bytes(seed: str) -> None:
    script = (
        "import json, sys\n"
        "from governance.domain.values import sha256_hex\n"
        "from governance.embedders.hashed import HashedEmbedder\n"
        "vectors = HashedEmbedder().embed(json.load(sys.stdin))\n"
        "print(sha256_hex(b''.join(vector.tobytes() for vector in vectors)))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        input=json.dumps(TEXTS),
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONHASHSEED": seed, "OPENBLAS_NUM_THREADS": "1", "OPENBLAS_CORETYPE": "Generic"},
    )
    assert done.stdout.strip() == digest()


def test_the_bytes_are_those_of_version_1() -> None:
    assert HashedEmbedder().identity == "hashed-ngrams/1/256"
    assert digest() == KNOWN, "vectors changed: raise the version, or every index made before is wrong"


def test_identity_names_the_dimension() -> None:
    embedder = HashedEmbedder(64)
    assert (embedder.dimension, embedder.identity) == (64, "hashed-ngrams/1/64")
    assert {len(vector) for vector in embedder.embed(TEXTS)} == {64}


@pytest.mark.parametrize("dimension", [0, 7, -1, 65_537])
def test_a_dimension_out_of_range_is_refused(dimension: int) -> None:
    with pytest.raises(ConfigError):
        HashedEmbedder(dimension)


@given(texts=st.lists(st.text(max_size=60), max_size=5), dimension=st.sampled_from([8, 100, 256]))
@settings(max_examples=150, deadline=None)
def test_vectors_have_length_one_or_are_zero_and_do_not_depend_on_the_batch(texts: list[str], dimension: int) -> None:
    embedder = HashedEmbedder(dimension)
    together = embedder.embed(texts)
    assert [bytes(vector) for vector in together] == [bytes(embedder.embed([text])[0]) for text in texts]
    for vector in together:
        assert (vector.format, len(vector), vector.readonly) == ("f", dimension, True)
        length = float(np.linalg.norm(np.asarray(vector, dtype=np.float64)))
        assert length == pytest.approx(1, abs=1e-5) or length == 0


def test_a_text_without_anything_to_count_gives_the_zero_vector() -> None:
    for text in ("", " ", "\n\t ", "!", "?!"):
        assert not embedded(text).any()
    assert HashedEmbedder().embed([]) == []


def test_shared_wording_is_near_and_other_wording_is_far() -> None:
    words = [f"{a}{b}" for a in ("red", "green", "blue", "dark") for b in ("stone", "river", "cloud", "field", "house")]
    chance = random.Random(1)  # noqa: S311 - the same words every time
    page = [chance.choice(words) + str(chance.randrange(50)) for _ in range(120)]
    other = [chance.choice("abcdefghijk") * 3 + str(chance.randrange(500)) for _ in range(120)]
    text = " ".join(page)
    assert cosine(text, text) == pytest.approx(1, abs=1e-6)
    assert cosine(text, text.upper()) == pytest.approx(1, abs=1e-6)
    edited = cosine(text, " ".join([*page[:60], "different", *page[61:]]))
    shuffled = cosine(text, " ".join(sorted(page)))
    half = cosine(text, " ".join(page[:60]))
    assert cosine(text, " ".join(other)) < 0.3 < half < edited < 1
    assert edited > 0.95
    assert shuffled < edited


def test_a_text_of_many_megabytes_needs_no_more_than_time() -> None:
    vector = embedded("one line without an end " * 200_000)
    assert np.linalg.norm(vector) == pytest.approx(1, abs=1e-5)
