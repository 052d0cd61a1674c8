"""The built-in loaders and savers, a module for each library; each names its classes in ``ADAPTERS``.

None of these modules imports its library before something is read or written.
"""
