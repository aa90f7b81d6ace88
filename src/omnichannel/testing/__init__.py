"""What a test suite needs to talk with customers without a platform."""

from omnichannel.testing.clock import FakeClock
from omnichannel.testing.people import Device, Person
from omnichannel.testing.world import World

__all__ = ["Device", "FakeClock", "Person", "World"]
