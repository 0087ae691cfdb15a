"""The app of the transactional outbox."""

# pyright: reportAttributeAccessIssue=false, reportReturnType=false, reportGeneralTypeIssues=false
# pyright: reportAssignmentType=false
# Django has no types of its own, and what a checker infers from its descriptors and decorators is wrong.

from __future__ import annotations

from django.apps import AppConfig


class OutboxConfig(AppConfig):  # type: ignore[misc]  # Django has no types of its own
    """One model, one migration, one command."""

    name = "ecomtrack_sdk.integrations.django_outbox"
    label = "ecomtrack_outbox"
    verbose_name = "ecomtrack outbox"
    default_auto_field = "django.db.models.BigAutoField"
