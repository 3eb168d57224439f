"""The ``memsec`` command: a module for each subcommand.

Each has ``declare``, which adds its arguments to a parser, and ``run``, which
gives the exit status and what to print.
"""
