"""Settings of the device door: the same database, none of the pages."""

from sync_server.project.settings import *  # noqa: F403

ROOT_URLCONF = "sync_server.gateway.door"
MIDDLEWARE = ["django.middleware.security.SecurityMiddleware"]
# The CA decides who is who here, not a name in a header: devices may know this machine by names that are not public.
ALLOWED_HOSTS = ["*"]
