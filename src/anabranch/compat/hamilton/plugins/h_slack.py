"""Failures told in Slack."""

from anabranch.lifecycle import (
    SlackNotifier,
)

__all__ = [
    "SlackNotifier",
]
