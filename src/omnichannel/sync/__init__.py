"""The hub's verbs without a loop: for Django views, Celery tasks and scripts. Rows are written; a worker sends."""

from omnichannel.sync.client import Client
from omnichannel.sync.desk import Desk

__all__ = ["Client", "Desk"]
