from django.apps import AppConfig


class CourtsConfig(AppConfig):
    name = "sync_server.courts"
    label = "courts"
    default_auto_field = "django.db.models.AutoField"
