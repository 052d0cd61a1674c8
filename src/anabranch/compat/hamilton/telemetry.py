"""Telemetry: there is none, and these do nothing."""

__all__ = ["create_and_send_contrib_use", "disable_telemetry", "is_telemetry_enabled"]


def disable_telemetry() -> None:
    """Nothing to do: nothing is ever sent."""


def is_telemetry_enabled() -> bool:
    """False."""
    return False


def create_and_send_contrib_use(module_name: str, version: str) -> None:
    """Sends nothing."""
