"""A run on workers that do not exist; see `anabranch.simulation`, which is where it is."""

from anabranch.simulation import Axis, Cluster, Seconds, Simulation, simulate

__all__ = ["Axis", "Cluster", "Seconds", "Simulation", "simulate"]
