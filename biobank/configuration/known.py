"""The settings that exist, with type and default (spec 01 §E.4)."""

from dataclasses import dataclass

from django.conf import settings


@dataclass(frozen=True, slots=True)
class Known:
    """One setting; `default` is its value when nothing was stored."""

    module: str
    name: str
    type: str = "STRING"
    default: str = ""
    secured: bool = False
    allowed: tuple[str, ...] = ()
    fixed: bool = False  # said by the environment, or by the server itself: can be read, not changed


def _flags(module: str, **defaults: bool) -> tuple[Known, ...]:
    return tuple(Known(module, name, "BOOLEAN", str(value).lower()) for name, value in defaults.items())


def _numbers(module: str, **defaults: int) -> tuple[Known, ...]:
    return tuple(Known(module, name, "INT", str(value)) for name, value in defaults.items())


def _texts(module: str, **defaults: str) -> tuple[Known, ...]:
    return tuple(Known(module, name, "STRING", value) for name, value in defaults.items())


KNOWN: tuple[Known, ...] = (
    *_texts(
        "common",
        app_url=settings.APP_URL,
        locale="en_US",
        date_format="MM-dd-yyyy",
        de_date_format="MM-dd-yyyy",
        time_format="HH:mm",
        deploy_env="",
        allowed_req_origins="",
        not_specified_text="Not Specified",
        deployment_site_url="",
        welcome_video_source="",
        welcome_video_url="",
    ),
    Known("common", "deployment_site_logo", "FILE"),
    Known("common", "data_dir", default=str(settings.DATA_DIR), secured=True, fixed=True),
    *_flags("common", feedback_enabled=True, de_form_html_markup=True),
    *_numbers("common", toast_disp_time=5, search_delay=1000, max_audit_report_period=90),
    Known("common", "import_max_records_per_txn", "INT", str(settings.IMPORT_MAX_ATOMIC_ROWS)),
    Known("common", "online_import_job_size_limit", "INT", "0"),
    *_numbers(
        "auth",
        allowed_failed_logins=settings.ALLOWED_FAILED_LOGINS,
        token_inactive_interval=settings.TOKEN_INACTIVE_MINUTES,
        max_login_sessions=0,
        passwords_to_examine=0,
        password_expiry_days=0,  # 0: passwords do not expire
        password_expiry_warning_days=7,
        inactive_account_days=0,  # 0: accounts nobody uses stay as they are
    ),
    *_flags("auth", verify_token_ip_address=False, forgot_password=True, notify_failed_logins=False),
    *_texts("auth", password_pattern="", password_rule="", default_domain="openspecimen"),
    *_flags(
        "administrative",
        user_sign_up=True,
        local_account_signups=True,
        auto_approve_sign_ups=False,
        system_lockdown=False,
    ),
    Known(
        "administrative", "sign_up_institute"
    ),  # the institute of everybody who signs up; blank: as they say
    *_numbers("administrative", active_users_login_days=90),
    *_flags("biospecimen", cp_coding_enabled=False, uid_mandatory=False, mrn_restriction_enabled=False),
    *_texts("biospecimen", mpi_format="", mpi_pattern="", participant_uid_pattern=""),
    *(  # what would name code or folders of another server
        Known("biospecimen", name, fixed=True)
        for name in (
            "mpi_generator",
            "mpi_validator",
            "participant_uid_validator",
            "participant_consent_dir",
            "spr_dir",
            "spr_deidentifier",
            "specimen_label_printer",
            "visit_label_printer",
            "specimen_type_abbr_map",
        )
    ),
    # %NAME_UID% counts equal texts, so that visits of two protocols with equal PPIDs get different names
    *_texts(
        "biospecimen",
        visit_name_format="%PPI%_%EVENT_LABEL%_%NAME_UID%",
        unplanned_visit_name_format="%PPI%_Unplanned_%NAME_UID%",
        aliquot_label_format="%PSPEC_LABEL%_%PSPEC_UID%",
        specimen_barcode_format="",
    ),
    *_flags("biospecimen", mandatory_aliquot_qty=True, imaging=False),
    *_flags(
        "biospecimen",
        uniq_spmn_labels_per_cp=False,
        uniq_spmn_addl_labels_per_cp=False,
        uniq_spmn_barcodes_per_cp=False,
    ),
    *_numbers("biospecimen", max_children_limit=100, max_spmns_update_limit=100),
    *_texts("email", account_id="", server_host="", admin_email_id=""),
    Known("email", "account_password", secured=True),
    Known("email", "server_port", "INT", "25"),
    *_flags("email", starttls_enabled=False, auth_enabled=False),
    Known("notifications", "cc_import_emails_to_admin", "BOOLEAN", "false"),
    Known("query", "floating_point_precision", "INT", "0"),
    Known("query", "max_concurrent_queries", "INT", "10"),
    Known("common", "cart_specimens_rpt_query", "INT", ""),  # the saved query of carts' reports
    Known("query", "zip_scheduled_results", "BOOLEAN", "false"),
)
_BY_NAME = {(known.module, known.name): known for known in KNOWN}


def find(module: str | None, name: str | None) -> Known | None:
    """The declaration of a setting, if there is one."""
    return _BY_NAME.get((module or "", name or ""))


def default_of(module: str, name: str) -> str:
    known = find(module, name)
    return known.default if known is not None else ""
