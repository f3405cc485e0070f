"""``python -m ninx``: the command line, also where no ``ninx`` is on the path."""

from .cli import main

if __name__ == "__main__":
    main()
