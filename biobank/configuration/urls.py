"""Routes of the settings."""

from biobank.configuration import views
from biobank.wire.routing import route

rest = [
    route("/config-settings", views.Settings),
    route("/config-settings/history", views.History),
    route("/config-settings/files", views.SettingFile),
    route("/config-settings/locale", views.LocaleSettings),
    route("/config-settings/app-props", views.AppProps),
    route("/config-settings/password", views.PasswordSettings),
    route("/config-settings/welcome-video", views.WelcomeVideo),
    route("/config-settings/deployment-site-assets", views.SiteAssets),
    route("/config-settings/deployment-site-logo", views.SiteLogo),
    route("/config-settings/i18n-messages", views.Messages),
]
