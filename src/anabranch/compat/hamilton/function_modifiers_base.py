"""Where Hamilton had the errors of decorators before; they are in `function_modifiers.base`."""

from anabranch.function_modifiers import InvalidDecoratorException

__all__ = ["InvalidDecoratorException"]
