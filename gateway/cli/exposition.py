"""The metrics of several processes on one page, in Prometheus's text format."""

from __future__ import annotations

from collections.abc import Mapping


def merged(texts: Mapping[str, bytes]) -> bytes:
    """Every sample of every text, labelled ``worker``, each family together under one head.

    ``texts`` are expositions by the name of their process.
    """
    heads: dict[str, list[str]] = {}
    samples: dict[str, list[str]] = {}
    for name, text in texts.items():
        family, new = "", False
        for line in text.decode(errors="replace").splitlines():
            if line.startswith(("# HELP ", "# TYPE ")):
                family = line.split(" ", 3)[2]
                new = family not in samples or (new and line.startswith("# TYPE "))
                samples.setdefault(family, [])
                if new:
                    heads.setdefault(family, []).append(line)
            elif line and not line.startswith("#"):
                samples.setdefault(family, []).append(_labelled(line, name))
    lines = [line for family, found in samples.items() for line in (*heads.get(family, ()), *found)]
    return "".join(f"{line}\n" for line in lines).encode()


def _labelled(sample: str, worker: str) -> str:
    label = f'worker="{worker}"'
    name, brace, rest = sample.partition("{")
    if brace:
        return f"{name}{{{label},{rest}"
    name, _, value = sample.partition(" ")
    return f"{name}{{{label}}} {value}"
