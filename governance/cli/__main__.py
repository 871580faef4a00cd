"""`python -m governance.cli` is `kbgov`."""

from governance.cli.main import main

main()
