"""Django's settings, all of them derived from the server's configuration file (`sync_server.project.config`)."""

from pathlib import Path
from typing import Any

from csp.constants import NONE, SELF

from sync_server.project.config import load
from sync_server.project.database import database

REPOSITORY = Path(__file__).resolve().parents[2]
ASSETS = REPOSITORY / "assets"

CONFIG = load()
VIDHUK_LIVE_STEP: int = CONFIG.live_step

DEBUG = False
SECRET_KEY: str = CONFIG.secret_key
ALLOWED_HOSTS: list[str] = [*CONFIG.web.public_hosts, "localhost", "127.0.0.1", "[::1]"]
ROOT_URLCONF = "sync_server.project.urls"
WSGI_APPLICATION = "sync_server.project.wsgi.application"

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "csp",
    "django_htmx",
    "sync_server.project",
    "sync_server.courts",
    "sync_server.accounts",
    "sync_server.surveys",
    "sync_server.ingest",
    "sync_server.results",
    "sync_server.fleet",
    "sync_server.dashboard",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "sync_server.dashboard.middleware.SignInRequired",
    "django.contrib.messages.middleware.MessageMiddleware",
]

TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.i18n",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "sync_server.dashboard.context.page",
            ],
        },
    },
]

DATABASES = {"default": database(CONFIG.database_url, state_dir=CONFIG.state_dir)}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# People and passwords
AUTH_USER_MODEL = "accounts.Person"
LOGIN_URL = "sign-in"
LOGIN_REDIRECT_URL = "overview"
LOGOUT_REDIRECT_URL = "sign-in"
PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]

# Languages, dates and numbers. A court's hours are those of its own zone; the process itself thinks in UTC.
LANGUAGE_CODE: str = CONFIG.language
LANGUAGES = [("uk", "Українська"), ("en", "English")]
LOCALE_PATHS = [REPOSITORY / "sync_server" / "locale"]
FORMAT_MODULE_PATH = ["sync_server.project.formats"]
USE_I18N = True
USE_TZ = True
USE_THOUSAND_SEPARATOR = True
TIME_ZONE = "UTC"

# Static files are served from where they lie, by whitenoise; there is no collecting step and no other host.
STATIC_URL = "static/"
STATICFILES_DIRS = [("vendor", ASSETS / "vendor"), ("fonts", ASSETS / "fonts")]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.InMemoryStorage"},
    "staticfiles": {"BACKEND": "sync_server.project.static.StampedStaticFiles"},
}
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = False
WHITENOISE_MAX_AGE = 24 * 60 * 60

# What a browser may do with our pages: load our own files, and nothing else.
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
        "base-uri": [NONE],
    },
}
X_FRAME_OPTIONS = "DENY"
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CONTENT_TYPE_NOSNIFF = True
SESSION_COOKIE_NAME = "vidhuk_session"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_AGE = 12 * 60 * 60
CSRF_COOKIE_NAME = "vidhuk_csrf"
CSRF_FAILURE_VIEW = "sync_server.dashboard.views.errors.form_refused"
LANGUAGE_COOKIE_NAME = "vidhuk_language"
LANGUAGE_COOKIE_SAMESITE = "Lax"

# Behind the court's TLS proxy cookies never travel in the clear; on loopback there is no TLS to insist on.
BEHIND_TLS: bool = CONFIG.web.behind_tls
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = LANGUAGE_COOKIE_SECURE = BEHIND_TLS
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if BEHIND_TLS else None
SECURE_HSTS_SECONDS = 365 * 24 * 60 * 60 if BEHIND_TLS else 0
CSRF_TRUSTED_ORIGINS = [f"https://{host}" for host in CONFIG.web.public_hosts] if BEHIND_TLS else []

LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(levelname)s %(name)s: %(message)s"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": "WARNING"},
    "loggers": {"django": {"handlers": ["stderr"], "level": "WARNING", "propagate": False}},
}
