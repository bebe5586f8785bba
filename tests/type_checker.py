"""Checks shapes and types of the library's signatures as tests run, by `--jaxtyping-packages`."""

from beartype import BeartypeConf, beartype

# As every type checker of Python has it, a whole number will do where a real one is asked for (PEP 484).
checked = beartype(conf=BeartypeConf(is_pep484_tower=True))
