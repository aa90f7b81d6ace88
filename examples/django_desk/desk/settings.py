"""Django's settings, as few as there can be."""

import os

SECRET_KEY = os.environ.get("DJANGO_SECRET_KEY", "only for tests")
ALLOWED_HOSTS = ["desk.example", "localhost", "testserver"]
ROOT_URLCONF = "desk.urls"
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
]
USE_TZ = True
