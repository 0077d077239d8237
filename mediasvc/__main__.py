"""``python -m mediasvc``."""

from mediasvc.cli.main import main

main()
