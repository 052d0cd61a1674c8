"""Dataflows inside of other systems. One package for each, imported only by who uses it.

`anabranch.integrations.dagster`   a driver's outputs as software-defined assets of Dagster

Nothing in anabranch knows these packages; each knows the driver, and the system that it is for.
"""
