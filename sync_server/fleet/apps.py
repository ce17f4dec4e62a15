from django.apps import AppConfig


class FleetConfig(AppConfig):
    name = "sync_server.fleet"
    label = "fleet"

    def ready(self) -> None:
        from sync_server.fleet import checks  # noqa: F401  registers the start-up check
