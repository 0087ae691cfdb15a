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


def test_every_licence_is_known_and_free_to_use():
    """What an installation brings has a licence that is known and asks nothing of the shop's own code."""
    rows = re.findall(r"^\| ([a-z0-9-]+) \| ([^|]+) \|", generate.licences(), re.MULTILINE)
    assert len(rows) > 30
    free = {"MIT", "BSD", "BSD-2-Clause", "BSD-3-Clause", "Apache-2.0", "PSF-2.0", "ISC", "MPL-2.0"}
    for name, licence in rows[1:]:
        assert set(re.split(r" AND | OR ", licence)) <= free, f"{name}: {licence}"


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


INTEGRATIONS = sorted(set((ROOT / "docs" / "guides").glob("*.md")) - {ROOT / "docs" / "guides" / "operations.md"})


def test_every_guide_has_its_parts():
    """A guide of an integration says what it does, what to copy, what it cannot do, and how to see that it works."""
    assert len(INTEGRATIONS) > 14
    for page in INTEGRATIONS:
        text = page.read_text(encoding="utf-8")
        heads = re.findall(r"^## (.*)$", text, re.MULTILINE)
        copied, cannot, seen = (
            heads.index(head) for head in ("To copy", "What it cannot do", "How to see that it works")
        )
        assert copied < cannot < seen, page.name
        told = text.partition("## ")[0].partition("\n")[2].strip()
        assert told, f"{page.name}: begins without saying what it does"
        assert "$ ecomtrack " in text.partition("## How to see that it works")[2], page.name


def test_every_block_is_executed():
    """No kind of code stands in README and docs that no test runs; settings of other programs are in operations."""
    ran = {"python", "console", "html", "js", "json", "text", "{toctree}", "{eval-rst}"}
    for page in (ROOT / "README.md", *(ROOT / "docs").rglob("*.md")):
        kinds = set(re.findall(r"^```([^\s`]+)", page.read_text(encoding="utf-8"), re.MULTILINE))
        assert kinds <= ran or page.name == "operations.md", f"{page.name}: {kinds - ran}"
        assert 'test="skip"' not in page.read_text(encoding="utf-8"), page.name
