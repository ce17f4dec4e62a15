from django.apps import AppConfig


class SurveysConfig(AppConfig):
    name = "sync_server.surveys"
    label = "surveys"
    default_auto_field = "django.db.models.AutoField"

    def ready(self) -> None:
        from sync_server.surveys import checks  # noqa: F401  registers the start-up checks
