"""YAML files, by Hamilton's names."""

from anabranch.io.formats.plain import PLAIN
from anabranch.io.formats.plain import YamlLoader as YAMLDataLoader
from anabranch.io.formats.plain import YamlSaver as YAMLDataSaver

__all__ = ["AcceptedTypes", "PrimitiveTypes", "YAMLDataLoader", "YAMLDataSaver"]

PrimitiveTypes = [kind for kind in PLAIN if kind not in {dict, list}]
AcceptedTypes = [*PrimitiveTypes, dict, list]
