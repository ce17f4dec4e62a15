from django.apps import AppConfig


class ResultsConfig(AppConfig):
    name = "sync_server.results"
    label = "results"
