from django.apps import AppConfig


class ProjectConfig(AppConfig):
    """Registers the start-up checks."""

    name = "sync_server.project"
    label = "project"

    def ready(self) -> None:
        from sync_server.project import checks  # noqa: F401  registers them
