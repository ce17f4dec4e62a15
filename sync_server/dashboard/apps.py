from django.apps import AppConfig


class DashboardConfig(AppConfig):
    name = "sync_server.dashboard"
    label = "dashboard"

    def ready(self) -> None:
        from sync_server.dashboard import checks  # noqa: F401  registers the start-up checks
