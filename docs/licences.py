"""Writes ``licences.md``: every package a user of this one gets, with its licence, from the packages' own metadata."""

from __future__ import annotations

import re
from importlib.metadata import Distribution, distribution

from packaging.requirements import Requirement

EXTRAS = ("", "cli", "collector", "fast", "zstd", "clickhouse", "charts", "prometheus", "opentelemetry")
"""The base install and the extras a server has; ``testing`` never leaves a developer's machine."""
_WORDS = {
    "Apache Software License": "Apache-2.0",
    "BSD License": "BSD",
    "MIT License": "MIT",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "Python Software Foundation License": "PSF-2.0",
    "ISC License (ISCL)": "ISC",
}


_IN_FILE = re.compile(r"^\s*(?:The )?(MIT|Apache|BSD)\b.*Licen[cs]e", re.IGNORECASE)


def licence_of(package: Distribution) -> str:
    """The SPDX expression of a package, from its field, its classifiers or the words in its old field."""
    metadata = package.metadata
    if metadata["License-Expression"]:
        return str(metadata["License-Expression"])
    words = [line.rpartition(" :: ")[2] for line in metadata.get_all("Classifier", []) if line.startswith("License ::")]
    known = [_WORDS.get(word, word) for word in words if word != "OSI Approved"]
    if known:
        return " AND ".join(sorted(set(known)))
    first = str(metadata["License"] or "").strip().partition("\n")[0]
    return first if 0 < len(first) < 60 else _from_file(package)


def _from_file(package: Distribution) -> str:
    """What the first lines of the licence file of the package say."""
    for file in package.files or ():
        if file.name.upper().startswith(("LICENSE", "LICENCE")):
            for line in file.read_text().splitlines()[:3]:
                if match := _IN_FILE.match(line):
                    return match[1]
    return "unknown"


def packages() -> dict[str, set[str]]:
    """Name → the extras that bring it; the empty text is the base install. Python 3.11 on this platform."""
    found: dict[str, set[str]] = {}
    for extra in EXTRAS:
        pending = [("ecomtrack-sdk", frozenset({extra} if extra else ()))]
        seen: set[tuple[str, frozenset[str]]] = set()
        while pending:
            name, extras = pending.pop()
            if (name, extras) in seen:
                continue
            seen.add((name, extras))
            for text in distribution(name).requires or ():
                need = Requirement(text)
                wanted = [one for one in (*extras, "") if need.marker is None or need.marker.evaluate({"extra": one})]
                if wanted:
                    pending.append((re.sub(r"[-_.]+", "-", need.name).lower(), frozenset(need.extras)))
        for name, _ in seen:
            if name != "ecomtrack-sdk":
                found.setdefault(name, set()).add(extra)
    return found


def licences() -> str:
    """The page."""
    lines = [
        "# Licences",
        "",
        "ecomtrack-sdk is under the Apache License 2.0. It brings these packages with it; each licence is by the",
        "metadata of its package. The versions tested together are pinned in `requirements-dev.txt`.",
        "",
        "| package | licence | comes with |",
        "|---|---|---|",
    ]
    for name, extras in sorted(packages().items()):
        with_ = "the base install" if "" in extras else ", ".join(f"`{extra}`" for extra in EXTRAS if extra in extras)
        lines.append(f"| {name} | {licence_of(distribution(name))} | {with_} |")
    return "\n".join(lines) + "\n"
