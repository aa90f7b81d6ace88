"""Django on, asyncio on."""

import os

import django
import pytest

os.environ["DJANGO_SETTINGS_MODULE"] = "desk.settings"
django.setup()


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"
