"""Twilio's own library for Python, which has no types: what the tests take of it."""

from importlib import import_module
from typing import Any

RequestValidator: Any = import_module("twilio.request_validator").RequestValidator
TwilioHttpClient: Any = import_module("twilio.http.http_client").TwilioHttpClient
TwilioException: Any = import_module("twilio.base.exceptions").TwilioException
TwilioRestException: Any = import_module("twilio.base.exceptions").TwilioRestException
Client: Any = import_module("twilio.rest").Client
