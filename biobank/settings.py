"""Every setting, read from the environment; docs/configuration.md lists them with their defaults."""

from pathlib import Path
from typing import Any

import pghistory
import structlog
from django.templatetags.static import static
from environs import Env

from biobank.embedded import urls as embedded_urls
from biobank.tracebacks import frames_only

env = Env()

BASE_DIR = Path(__file__).resolve().parent.parent

# --- Where things are -------------------------------------------------------------------------------
DATA_DIR = Path(env.str("DATA_DIR", str(BASE_DIR / "var"))).resolve()
EMBEDDED_DATABASE_URL, EMBEDDED_REDIS_URL = embedded_urls(DATA_DIR)
DATABASE_URL = env.str("DATABASE_URL", "") or EMBEDDED_DATABASE_URL
REDIS_URL = env.str("REDIS_URL", "") or EMBEDDED_REDIS_URL
PORT = env.int("PORT", 8080)

# --- The wire ---------------------------------------------------------------------------------------
REST_PREFIX = "/" + env.str("OS_REST_PREFIX", "/openspecimen/rest/ng").strip("/")
REST_ALIASES = ("/rest/ng",)
API_STATUS = env.str("OS_API_STATUS", "documented")
if API_STATUS not in ("documented", "upstream"):
    raise ValueError("OS_API_STATUS is either 'documented' or 'upstream'")
TIME_ZONE = env.str("OS_TIME_ZONE", "UTC")
TOKEN_INACTIVE_MINUTES = env.int("OS_TOKEN_INACTIVE_MINUTES", 30)
ALLOWED_FAILED_LOGINS = env.int("OS_ALLOWED_FAILED_LOGINS", 5)
TOKEN_CACHE_SECONDS = env.int("OS_TOKEN_CACHE_SECONDS", 5)
BEHIND_PROXY = env.bool("OS_BEHIND_PROXY", False)  # then the last X-Forwarded-For entry is the client
FORCE_PASSWORD_RESET = env.bool("OS_FORCE_PASSWORD_RESET", False)
MAX_UPLOAD_BYTES = env.int("OS_MAX_UPLOAD_BYTES", 1_000_000_000)
UPLOAD_HOURS = env.int("OS_UPLOAD_HOURS", 24)  # after this time without a chunk a file is forgotten
DATA_UPLOAD_MAX_MEMORY_SIZE = env.int("OS_MAX_BODY_BYTES", 100_000_000)
DATA_UPLOAD_MAX_NUMBER_FIELDS = None

# --- Long work --------------------------------------------------------------------------------------
JOB_LEASE_SECONDS = env.float("OS_JOB_LEASE_SECONDS", 60)
JOB_SLICE_SECONDS = env.float("OS_JOB_SLICE_SECONDS", 45)
JOB_REAP_SECONDS = env.float("OS_JOB_REAP_SECONDS", 15)
IMPORT_CHUNK_ROWS = env.int("OS_IMPORT_CHUNK_ROWS", 2000)
IMPORT_MAX_ATOMIC_ROWS = env.int("OS_IMPORT_MAX_ATOMIC_ROWS", 10_000)
EXPORT_WAIT_SECONDS = env.float("OS_EXPORT_WAIT_SECONDS", 30)  # a client waits so long for its export
EXPORT_SYNCHRONOUS_SECONDS = env.float("OS_EXPORT_SYNCHRONOUS_SECONDS", 280)  # and one that wants to wait
EXPORT_WAITERS = env.int(
    "OS_EXPORT_WAITERS", max(1, env.int("WEB_CONCURRENCY", 2) // 2)
)  # web processes that wait
OFFLINE_IMPORTS = env.str(
    "OS_OFFLINE_IMPORTS", "0 22 * * *"
)  # cron: when jobs of the offline queue may begin
FILES_RETENTION_DAYS = env.int("OS_FILES_RETENTION_DAYS", 30)
CALL_LOG_SECONDS = env.float("OS_CALL_LOG_SECONDS", 1)  # how often calls are written down; 0: they are not
CALL_LOG_DAYS = env.int("OS_CALL_LOG_DAYS", 365)  # 0: kept for ever

# --- Django -----------------------------------------------------------------------------------------
DEBUG = env.bool("DEBUG", False)


def _secret_key() -> str:
    """The configured key, or one kept beside the data so that admin sessions survive a restart."""
    configured = env.str("SECRET_KEY", "")
    if configured:
        return configured
    from biobank.files.secrets import kept_secret

    return kept_secret(DATA_DIR / "secret-key")


SECRET_KEY = _secret_key()
# The supervisor and container health checks ask by loopback address, whatever the public name is.
ALLOWED_HOSTS = [*env.list("ALLOWED_HOSTS", ["*"]), "127.0.0.1", "localhost"]
CSRF_TRUSTED_ORIGINS: list[str] = env.list("CSRF_TRUSTED_ORIGINS", [])
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = env.bool("SECURE_COOKIES", False)
ROOT_URLCONF = "biobank.urls"
WSGI_APPLICATION = "biobank.wsgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
AUTH_USER_MODEL = "sessions_auth.User"
ACTOR_OF = "sessions_auth.actor.actor_of"  # named, as users stand below the project in the layers
MAILER = "sessions_auth.mail.send"
SILENCED_SYSTEM_CHECKS = ["auth.W004"]  # a login name is unique within its domain
USE_TZ = True
LANGUAGE_CODE = "en-us"
FORMAT_MODULE_PATH = ["biobank.formats"]
APPEND_SLASH = False
LOGIN_URL = "/admin/login/"

INSTALLED_APPS = [
    "biobank.apps.BiobankConfig",
    "unfold",
    "unfold.contrib.filters",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.postgres",
    "django.contrib.staticfiles",
    "pgtrigger",
    "pghistory",
    "django_filters",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "django_structlog",
    "biobank.jobs",
    "biobank.tallies",
    "biobank.configuration",
    "biobank.audit",
    "terminology",
    "sites",
    "sessions_auth",
    "specimens.protocol",
    "specimens.participant",
    "specimens.visit",
    "specimens.specimen",
    "specimens.master",
    "specimens.cart",
    "specimens.printing",
    "importjobs",
    "queries",
    "exports",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "biobank.wire.routing.WirePathMiddleware",
    "biobank.wire.routing.WireHeadersMiddleware",
    "biobank.audit.calls.CallLog",
    "biobank.logs.RequestLog",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "biobank" / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]

DATABASES: dict[str, Any] = {
    "default": {
        **env.dj_db_url("_UNSET_DATABASE", DATABASE_URL),
        "CONN_MAX_AGE": env.int("CONN_MAX_AGE", 600),
        "CONN_HEALTH_CHECKS": True,
    }
}
DATABASES["default"].setdefault("OPTIONS", {})

CACHES = {"default": {"BACKEND": "biobank.memory.Cache", "LOCATION": REDIS_URL}}

PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
if env.bool("PASSWORD_HASHERS_FAST", False):  # for tests, which sign in often
    PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
AUTH_PASSWORD_VALIDATORS = [{"NAME": "sessions_auth.passwords.PasswordRules"}]
AUTHENTICATION_BACKENDS = ["sessions_auth.backends.AdminBackend"]
SESSION_COOKIE_AGE = 12 * 3600

STATIC_URL = "/static/"
STATIC_ROOT = env.str("STATIC_ROOT", "") or None  # where `collectstatic` has run; else found in the packages
STATICFILES_DIRS = [BASE_DIR / "biobank" / "static"]
WHITENOISE_USE_FINDERS = True
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
MEDIA_ROOT = DATA_DIR / "files"

EMAIL_HOST = env.str("EMAIL_HOST", "")
EMAIL_BACKEND = env.str(
    "EMAIL_BACKEND",  # without a mail server, mails wait as files: a log must not show password links
    f"django.core.mail.backends.{'smtp' if EMAIL_HOST else 'filebased'}.EmailBackend",
)
EMAIL_FILE_PATH = DATA_DIR / "outbox"
EMAIL_TIMEOUT = 10
EMAIL_PORT = env.int("EMAIL_PORT", 25)
EMAIL_HOST_USER = env.str("EMAIL_HOST_USER", "")
EMAIL_HOST_PASSWORD = env.str("EMAIL_HOST_PASSWORD", "")
EMAIL_USE_TLS = env.bool("EMAIL_USE_TLS", False)
DEFAULT_FROM_EMAIL = env.str("DEFAULT_FROM_EMAIL", "biobank@localhost")
APP_URL = env.str("APP_URL", f"http://127.0.0.1:{PORT}/")

# --- REST framework and OpenAPI ---------------------------------------------------------------------
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "sessions_auth.authentication.TokenAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": [],  # ApiView has its own
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_SCHEMA_CLASS": "biobank.wire.openapi.WireSchema",
    "SCHEMA_COERCE_PATH_PK": False,
    "EXCEPTION_HANDLER": "biobank.wire.http.answer_error",
    "UNAUTHENTICATED_USER": None,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "biobank",
    "VERSION": "0.1.0",
    "DESCRIPTION": "The OpenSpecimen REST API on Django.",
    "OAS_VERSION": "3.1.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
    "PREPROCESSING_HOOKS": [],
    "POSTPROCESSING_HOOKS": ["biobank.wire.openapi.add_components"],
    "ENUM_GENERATE_CHOICE_DESCRIPTION": False,
}

# --- Admin ------------------------------------------------------------------------------------------
UNFOLD = {
    "SITE_TITLE": "biobank",
    "SITE_HEADER": "biobank",
    "SITE_SYMBOL": "science",
    "SITE_URL": None,
    "SITE_FAVICONS": [
        {"rel": "icon", "type": "image/svg+xml", "href": lambda request: static("biobank/favicon.svg")}
    ],
    "DASHBOARD_CALLBACK": "biobank.dashboard.context",
    "SCRIPTS": [lambda request: static("biobank/figures.js")],
    "STYLES": [lambda request: static("biobank/admin.css")],
    "SITE_DROPDOWN": [
        {"icon": "api", "title": "Browse the API", "link": f"{REST_PREFIX}/docs"},
        {"icon": "data_object", "title": "OpenAPI document", "link": f"{REST_PREFIX}/openapi.json"},
    ],
    "SHOW_HISTORY": True,
    "SHOW_VIEW_ON_SITE": False,
    "SHOW_BACK_BUTTON": True,
    "COLORS": {
        "primary": {
            "50": "oklch(97.7% .013 236.6)",
            "100": "oklch(95.1% .026 236.8)",
            "200": "oklch(90.1% .058 230.9)",
            "300": "oklch(82.8% .111 230.3)",
            "400": "oklch(74.6% .16 232.7)",
            "500": "oklch(62% .15 237.3)",
            "600": "oklch(52% .134 242.7)",
            "700": "oklch(46% .12 242.7)",
            "800": "oklch(40% .1 240.8)",
            "900": "oklch(35% .084 240.9)",
            "950": "oklch(29.3% .066 243.2)",
        },
    },
    "SIDEBAR": {
        "show_search": True,
        "show_all_applications": False,
        "navigation": "biobank.navigation.navigation",
    },
}

# --- Celery: carries the message "look at row 42"; the truth is in PostgreSQL -------------------------
_broker = REDIS_URL
if _broker.startswith("unix://"):  # kombu spells sockets differently from redis-py
    _broker = _broker.replace("unix://", "redis+socket://").replace("?db=", "?virtual_host=")
CELERY_BROKER_URL = _broker
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "visibility_timeout": 3600,
    # Who sends does not wait for a broker that is away: the row says what is to do, and is sent again.
    "max_retries": 1,
    "interval_start": 0,
    "interval_step": 0.1,
    "interval_max": 0.1,
}
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_TIME_LIMIT = env.int("OS_TASK_TIME_LIMIT", 3600)
CELERY_TASK_DEFAULT_QUEUE = "default"
CELERY_TASK_ROUTES = {
    "importjobs.*": {"queue": "imports"},
    "queries.*": {"queue": "queries"},
    "exports.*": {"queue": "exports"},
    "biobank.audit.*": {"queue": "exports"},
}
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BEAT_SCHEDULE: dict[str, Any] = {
    "tick": {"task": "biobank.jobs.tasks.tick", "schedule": 15.0},
    "fold-tallies": {"task": "biobank.tallies.tasks.fold", "schedule": 60.0},
    "reap": {"task": "biobank.jobs.tasks.reap", "schedule": JOB_REAP_SECONDS},
    "fire-due-queries": {"task": "queries.tasks.fire_due", "schedule": 30.0},
    "place-labels": {"task": "specimens.printing.tasks.place_waiting", "schedule": 60.0},
    "load-offline-imports": {"task": "importjobs.tasks.load_offline", "schedule": 60.0},
    "tell-ends-of-imports": {"task": "importjobs.tasks.tell_ends", "schedule": 60.0},
    "collect-scheduled-imports": {"task": "importjobs.tasks.collect_scheduled", "schedule": 60.0},
    "sweep": {"task": "biobank.jobs.tasks.sweep", "schedule": 3600.0},
}

# --- History ----------------------------------------------------------------------------------------
PGHISTORY_FOREIGN_KEY_FIELD = pghistory.ForeignKey(db_index=False)  # history is read by object and by context

# --- Logs: one JSON line an event, no PHI, no secrets -------------------------------------------------
LOG_LEVEL = env.str("LOG_LEVEL", "INFO")
LOG_FORMAT = env.str("LOG_FORMAT", "json")
_shared_processors: list[Any] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    frames_only,
]
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {
            "()": structlog.stdlib.ProcessorFormatter,
            "processor": structlog.processors.JSONRenderer()
            if LOG_FORMAT == "json"
            else structlog.dev.ConsoleRenderer(),
            "foreign_pre_chain": _shared_processors,
        }
    },
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": "WARNING"},
    "loggers": {name: {"level": LOG_LEVEL} for name in ("biobank", "importjobs", "queries", "exports")},
}
structlog.configure(
    processors=[*_shared_processors, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
    logger_factory=structlog.stdlib.LoggerFactory(),
    cache_logger_on_first_use=True,
)
