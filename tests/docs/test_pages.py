"""The documentation follows the code: generated pages are current, every metric and event has its place."""

from __future__ import annotations

import re
import sys
from itertools import pairwise
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "docs"))

import generate  # noqa: E402

from ecomtrack_sdk.reports import REPORTS  # noqa: E402


def test_generated_pages_are_current():
    """What a build of the docs would write is what the repository has (else: python3 dev.py docs)."""
    stale = [name for name, text in generate.pages().items() if (ROOT / "docs" / name).read_text("utf-8") != text]
    assert stale == []


def test_every_report_explains_itself():
    """A report has a question, and each of its columns a sentence."""
    for name in REPORTS:
        page = generate.report_page(name)
        assert "?" in page, name
        assert not re.search(r"^\| `[a-z0-9_]+` \|[^|]*\|\s*\|$", page, re.MULTILINE), (
            f"{name}: a column without a meaning"
        )


def test_each_term_is_defined_once():
    """The glossary has no term twice."""
    lines = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8").splitlines()
    heads = [line for line, following in pairwise(lines) if following.startswith(": ")]
    terms = [term.strip() for head in heads for term in head.split(",")]
    assert len(terms) > 30
    assert len(terms) == len(set(terms))


def test_every_file_has_its_sentence():
    """Every module begins with a sentence that says what it is for."""
    missing = [line for line in generate._files() if line.rstrip().endswith(":")]
    assert missing == []


def test_links_lead_somewhere():
    """Relative links of README and docs name files that exist."""
    for page in (ROOT / "README.md", *(ROOT / "docs").rglob("*.md")):
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), f"{page.name}: {target}"
