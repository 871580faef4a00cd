"""Opens the application for one command."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from governance.bootstrap import App, open_app
from governance.cli.options import Options
from governance.cli.progress import progress_for


@contextmanager
def opened(options: Options) -> Iterator[App]:
    """Give the application of the configuration that was named, with a progress bar where somebody looks."""
    with progress_for(options) as progress, open_app(options.config, progress=progress) as app:
        yield app
