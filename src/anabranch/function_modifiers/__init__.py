"""Decorators that say more about a function: names and sources, parts and steps, alternatives, checks and tags.

Theory: a decorator leaves a mark on the function and changes nothing else (see `anabranch.markers`); the graph reads the
marks when it is built. So a decorated function is still the plain function that it was.

What decorators of one function do has a fixed order, whatever order they are written in: alternatives are chosen; the
function's node is made (`does`, `dynamic_transform`, `subdag`); its parameters are bound and it is made several times
(`inject`, `parameterize`); inputs are worked on (`pipe_input`, `load_from`, `with_columns`); outputs are worked on
(`dataloader`, then `extract_*`, `unpack_fields`, `pipe_output`, `check_output`, `save_to`, then `mutate`); nodes are tagged.
Within one of these stages the decorator nearest to `def` comes first.
"""

from anabranch.errors import FlowError as InvalidDecoratorException
from anabranch.function_modifiers.checks import (
    DATA_VALIDATOR_ORIGINAL_OUTPUT_TAG,
    IS_DATA_VALIDATOR_TAG,
    check_output,
    check_output_custom,
)
from anabranch.function_modifiers.conditions import Condition, config, exclude
from anabranch.function_modifiers.data import dataloader, datasaver, load_from, save_to
from anabranch.function_modifiers.delayed import ResolveAt, resolve, resolve_from_config
from anabranch.function_modifiers.dependencies import (
    LiteralDependency,
    UpstreamDependency,
    configuration,
    group,
    source,
    value,
)
from anabranch.function_modifiers.fields import extract_columns, extract_fields, unpack_fields
from anabranch.function_modifiers.frames import with_columns
from anabranch.function_modifiers.labels import cache, schema, tag, tag_outputs
from anabranch.function_modifiers.modifier import Modifier
from anabranch.function_modifiers.parameters import (
    ParameterizedExtract,
    inject,
    parameterize,
    parameterize_extract_columns,
    parameterize_sources,
    parameterize_values,
)
from anabranch.function_modifiers.replacing import BaseModel, DynamicTransformBase, does, dynamic_transform, model
from anabranch.function_modifiers.steps import apply_to, mutate, pipe, pipe_input, pipe_output, step
from anabranch.function_modifiers.subdags import parameterized_subdag, subdag
from anabranch.placement import ray_remote_options

hamilton_exclude = exclude

__all__ = [
    "DATA_VALIDATOR_ORIGINAL_OUTPUT_TAG",
    "IS_DATA_VALIDATOR_TAG",
    "BaseModel",
    "Condition",
    "DynamicTransformBase",
    "InvalidDecoratorException",
    "LiteralDependency",
    "Modifier",
    "ParameterizedExtract",
    "ResolveAt",
    "UpstreamDependency",
    "apply_to",
    "cache",
    "check_output",
    "check_output_custom",
    "config",
    "configuration",
    "dataloader",
    "datasaver",
    "does",
    "dynamic_transform",
    "exclude",
    "extract_columns",
    "extract_fields",
    "group",
    "hamilton_exclude",
    "inject",
    "load_from",
    "model",
    "mutate",
    "parameterize",
    "parameterize_extract_columns",
    "parameterize_sources",
    "parameterize_values",
    "parameterized_subdag",
    "pipe",
    "pipe_input",
    "pipe_output",
    "ray_remote_options",
    "resolve",
    "resolve_from_config",
    "save_to",
    "schema",
    "source",
    "step",
    "subdag",
    "tag",
    "tag_outputs",
    "unpack_fields",
    "value",
    "with_columns",
]
