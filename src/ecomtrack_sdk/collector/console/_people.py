"""Customers and visitors: search, one person's page, taking links back, export and erasure."""

from __future__ import annotations

import json
from typing import Any, Literal
from urllib.parse import quote, urlencode

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from ecomtrack_sdk._wire import encode_event
from ecomtrack_sdk.collector.console._asker import Asker
from ecomtrack_sdk.collector.console._forms import confirm, form_of
from ecomtrack_sdk.collector.console._view import render
from ecomtrack_sdk.errors import CollectorError, ConfigError
from ecomtrack_sdk.events import CustomEvent

__all__ = ["People"]

HOME = "/console/people"


class People(Asker):
    """The pages of people."""

    async def page(self, request: Request) -> Response:
        """One person, people whose names contain a text, or the lists of customers and visitors."""
        who = request.query_params.get("person", "").strip()
        values: dict[str, Any] = {
            "person": who,
            "may_write": request.state.right == "write",
            "notice": _notice(request),
            "dossier": None,
            "found": None,
            "customers": None,
            "visitors": None,
        }
        if not who:
            values["customers"] = await self.attempt("customers", {})
            values["visitors"] = await self.attempt("visitors", {})
            return render("people.html", title="People", section="People", **values)
        reports = self.reports
        from ecomtrack_sdk.collector.console._people_data import dossier_of, search

        values["dossier"] = await reports.call(lambda warehouse: dossier_of(warehouse, who))
        if values["dossier"] is None:
            values["found"] = await reports.call(lambda warehouse: search(warehouse, who))
            return render("people.html", title=f"Search {who[:80]}", section="People", **values)
        return render("person.html", title=f"Person {who[:80]}", section="People", **values)

    async def export(self, request: Request) -> Response:
        """Everything known of a person as a file."""
        from ecomtrack_sdk.reports import privacy

        who = request.query_params.get("person", "").strip()
        found = await self.reports.call(lambda warehouse: privacy.export_person(warehouse, self.store, who))
        if found is None:
            raise _nobody()
        body = json.dumps(found, ensure_ascii=False, indent=2)
        return Response(
            body,
            media_type="application/json",
            headers={"content-disposition": 'attachment; filename="person.json"'},
        )

    async def ask_erase(self, request: Request) -> Response:
        """The question before a person is forgotten."""
        return await self._question(request.query_params.get("person", "").strip())

    async def _question(self, who: str, error: str | None = None) -> Response:
        from ecomtrack_sdk.reports import privacy

        person = await self.reports.call(lambda warehouse: privacy.find_person(warehouse, who))
        if person is None or not person.events:
            raise _nobody()
        orders = sum(kind in privacy.ORDER_TYPES for _, kind in person.events)
        known = ", ".join((*person.names, *(f"browser {one}" for one in person.visitors)))
        return confirm(
            title="Forget this person?",
            section="People",
            lines=[
                f"Known as: {known[:1_000]}.",
                f"{len(person.events):,} events, {orders:,} of them orders and what happened to them.",
                "Their content is overwritten in the log and cannot be brought back, also not by sending it again.",
                "Backups made before, and what waits in outboxes, are not touched.",
            ],
            action=f"{HOME}/erase",
            button="Erase for good",
            back=f"{HOME}?person={quote(who, safe='')}",
            fields={"person": who},
            choices=(
                ("orders", "keep", "Keep orders without the person: revenue does not move"),
                ("orders", "erase", "Erase orders too"),
            ),
            type_again=who,
            error=error,
            status=400 if error else 200,
        )

    async def erase(self, request: Request) -> Response:
        """Forget a person whose name was written once more."""
        from ecomtrack_sdk.reports import privacy

        form = await form_of(request)
        who = form.get("person", "")
        if form.get("typed") != who or not who:
            return await self._question(who, "What you wrote is not the same: nothing was erased.")
        orders: Literal["keep", "erase"] = "erase" if form.get("orders") == "erase" else "keep"
        done = await self.reports.forget(
            lambda warehouse: privacy.erase_person(warehouse, self.store, who, orders=orders)
        )
        if done is None:
            raise _nobody()
        return RedirectResponse(f"{HOME}?erased={done.erased}&kept={done.anonymised}", 303)

    async def ask_unlink(self, request: Request) -> Response:
        """The question before a link is taken back or restored."""
        fields = {name: request.query_params.get(name, "").strip() for name in ("visitor", "customer", "email", "undo")}
        fields = {name: value for name, value in fields.items() if value}
        _note_of(fields)  # a link without two ends is told before it is asked about
        ends = " and ".join(f"{name} {value}" for name, value in fields.items() if name != "undo")
        restore = "undo" in fields
        return confirm(
            title="Restore this link?" if restore else "Take this link back?",
            section="People",
            lines=[
                f"{ends}: {'one person again' if restore else 'not one person'}, in every report and for all time.",
                "It is an event like any other: it stays in the log and can be undone.",
            ],
            action=f"{HOME}/unlink",
            button="Restore" if restore else "Unlink",
            back=f"{HOME}?person={quote(fields.get('customer') or fields.get('email') or '', safe='')}",
            fields=fields,
        )

    async def unlink(self, request: Request) -> Response:
        """Take a link back, or restore it, by an event in the log."""
        fields = await form_of(request)
        await self.collector.take([encode_event(_note_of(fields))])
        ends = {name: fields[name] for name in ("visitor", "customer", "email") if fields.get(name)}
        person = fields.get("customer") or fields.get("email") or ""
        query = {"person": person, "relinked" if fields.get("undo") else "unlinked": "1", **ends}
        return RedirectResponse(f"{HOME}?{urlencode(query)}", 303)


def _note_of(fields: dict[str, str]) -> CustomEvent:
    from ecomtrack_sdk.reports.links import relink_event, unlink_event

    make = relink_event if fields.get("undo") else unlink_event
    try:
        return make(
            visitor_id=fields.get("visitor") or None,
            customer_id=fields.get("customer") or None,
            email=fields.get("email") or None,
        )
    except ConfigError as error:
        raise CollectorError(400, "bad-parameter", str(error)) from None


def _notice(request: Request) -> dict[str, str]:
    """What was just done, with the way to undo it."""
    query = request.query_params
    if query.get("erased", "").isdigit() and query.get("kept", "").isdigit():
        return {"text": f"{query['erased']} events erased, {query['kept']} kept without the person.", "undo": ""}
    ends = {name: query[name] for name in ("visitor", "customer", "email") if query.get(name)}
    if "unlinked" in query:
        return {"text": "Unlinked.", "undo": f"{HOME}/unlink?" + urlencode({**ends, "undo": "1"})}
    return {"text": "Linked again.", "undo": ""} if "relinked" in query else {}


def _nobody() -> CollectorError:
    return CollectorError(404, "unknown-person", "nobody is known by that customer id, e-mail address or visitor id")
