"""Guides whose code belongs into a project: the project is made as the framework makes it, and the guide followed."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

GUIDES = Path(__file__).parents[2] / "docs" / "guides"


def parts(guide: str) -> list[tuple[str, str]]:
    """File and content of each block of a guide that names its file."""
    text = (GUIDES / guide).read_text(encoding="utf-8")
    return re.findall(r'^```python file="([^"]+)"\n(.*?)^```$', text, re.MULTILINE | re.DOTALL)


PROGRAM = """
import os, sys
sys.path.insert(0, os.getcwd())
os.environ["DJANGO_SETTINGS_MODULE"] = "shop.settings"
import django
django.setup()
from django.core.management import call_command
from django.template import engines
from django.test import Client
call_command("migrate", verbosity=0)
client = Client()
for path in ("cart", "order", "surely"):
    assert client.post("/" + path).status_code == 200
call_command("ecomtrack_relay", "--once")
print(engines["django"].from_string("{% load ecomtrack %}{% ecomtrack_snippet nonce='n1' %}").render())
"""
URLS = """
from django.urls import path
from shop import views
urlpatterns = [path("cart", views.add), path("order", views.place), path("surely", views.place_surely)]
"""


def test_django(collector_process, tmp_path):
    """The blocks of the Django guide, put into a fresh project, track, wait for the commit, and write the snippet."""
    pytest.importorskip("django")
    environment = {
        **os.environ,
        "ECOMTRACK_URL": collector_process.url,
        "ECOMTRACK_KEY": collector_process.keys["server"],
        "ECOMTRACK_OUTBOX": str(tmp_path / "outbox"),
    }
    run = {"cwd": tmp_path, "env": environment, "check": False, "capture_output": True, "text": True, "timeout": 120}
    done = subprocess.run([sys.executable, "-m", "django", "startproject", "shop", "."], **run)
    assert done.returncode == 0, done.stderr
    blocks = parts("django.md")
    assert {name for name, _ in blocks} == {"settings.py", "views.py"}
    for name, code in blocks:
        with (tmp_path / "shop" / name).open("a", encoding="utf-8") as file:
            file.write("\n" + code.replace("ecomtrack_site_…", collector_process.keys["site"]))
    with (tmp_path / "shop" / "settings.py").open("a", encoding="utf-8") as file:
        file.write('ALLOWED_HOSTS = ["testserver"]\nMIDDLEWARE.remove("django.middleware.csrf.CsrfViewMiddleware")\n')
    (tmp_path / "shop" / "urls.py").write_text(URLS, encoding="utf-8")
    done = subprocess.run([sys.executable, "-c", PROGRAM], **run)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("1 events handed over\n")
    assert f'data-key="{collector_process.keys["site"]}"' in done.stdout
    events = collector_process.wait_for(3)
    told = {(event["type"], event.get("order_id"), event["currency"]) for event in events}
    assert told == {("add_to_cart", None, "EUR"), ("order", "1001", "EUR"), ("order", "1002", "EUR")}
