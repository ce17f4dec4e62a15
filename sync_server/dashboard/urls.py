"""The addresses of the private pages."""

from django.urls import path

from sync_server.dashboard.views import courts, devices, overview, set_aside, sign_in, style

urlpatterns = [
    path("", overview.overview, name="overview"),
    path("sign-in/", sign_in.SignIn.as_view(), name="sign-in"),
    path("sign-out/", sign_in.SignOut.as_view(), name="sign-out"),
    path("courts/<slug:slug>/", courts.page, name="court"),
    path("courts/<slug:slug>/live", courts.live, name="court-live"),
    path("courts/<slug:slug>/csv/<slug:name>.csv", courts.csv_file, name="court-csv"),
    path("devices/", devices.index, name="devices"),
    path("devices/<slug:name>/", devices.page, name="device"),
    path("devices/<slug:name>/reconciliation.csv", devices.reconciliation_csv, name="device-csv"),
    path("set-aside/", set_aside.page, name="set-aside"),
    path("theme.css", style.theme_css, name="theme-css"),
    path("alive", style.alive, name="alive"),
]
