"""The driver for event loops, under the name that it had when it was new."""

from anabranch.compat.hamilton.async_driver import AsyncDriver

__all__ = ["AsyncDriver"]
