"""Run the command line as ``python -m selfproof``."""

from selfproof.cli import main

if __name__ == "__main__":
    main()
