"""``python -m ecomtrack_sdk``: the same as ``ecomtrack``."""

from ecomtrack_sdk.cli import main

if __name__ == "__main__":
    main()
