from django.apps import AppConfig


class FleetConfig(AppConfig):
    name = "sync_server.fleet"
    label = "fleet"
