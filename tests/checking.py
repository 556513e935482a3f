"""The type checker that runs in the tests: whole numbers are fine where floats are expected, as in any Python."""

from beartype import BeartypeConf, beartype

checked = beartype(conf=BeartypeConf(is_pep484_tower=True))
