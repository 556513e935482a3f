r"""MinHash of texts: the share of equal signs of two texts estimates the similarity of their shingles.

    J(A, B) = |A n B| / |A u B|,     h_p(A) = min over a in A of (u_p a + v_p) mod P,     P(h_p(A) = h_p(B)) = J

A is the set of all runs of four characters, without case and punctuation.  Broder 1997, "On the resemblance and
containment of documents"; one bit of each minimum is kept, as +1 and -1, so that the cosine of two rows of signs
estimates J: Li & Konig 2010, "b-Bit minwise hashing", arXiv:0910.3349.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float32

LETTERS, MINIMA, MOST = 4, 512, 4096
"""Characters of a shingle, minima of a text, and the most shingles of a text."""

PRIME = np.uint64(2**31 - 1)


def minhash(texts: Sequence[str]) -> Float32[np.ndarray, "b 512"]:
    """The signs of texts, +1 and -1.

    >>> one, same, other = minhash(["Where is my card?", "where is MY card", "the weather in spring"])
    >>> bool((one == same).all()), bool(abs((one * other).mean()) < 0.2)
    (True, True)
    """
    random = np.random.default_rng(0)
    u, v = random.integers(1, int(PRIME), (2, MINIMA), dtype=np.uint64)
    signs = np.empty((len(texts), MINIMA), dtype=np.float32)
    for row, text in enumerate(texts):
        values = np.fromiter((zlib.crc32(each) & 0x7FFFFFFF for each in shingles(text)), dtype=np.uint64)
        signs[row] = ((values[:, None] * u + v) % PRIME).min(axis=0) % np.uint64(2) * 2.0 - 1
    return signs


def shingles(text: str) -> list[bytes]:
    """The distinct runs of characters in a text, at most ``MOST``; of an empty text a single blank.

    >>> shingles("To be!")
    [b' be ', b' to ', b'o be', b'to b']
    """
    words = re.findall(r"\w+", text.casefold())
    plain = f" {' '.join(words)} "
    runs = {plain[start : start + LETTERS] for start in range(max(1, len(plain) - LETTERS + 1))}
    return sorted(run.encode("utf-8", "surrogatepass") for run in runs)[:MOST]
