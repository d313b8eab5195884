from django.apps import AppConfig


class TalliesConfig(AppConfig):
    name = "biobank.tallies"
    label = "tallies"
