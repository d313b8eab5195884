"""Participants and registrations as they go over the wire; masking happens where columns are chosen (spec 03 §1.5)."""

from collections.abc import Collection, Iterable, Sequence
from typing import Any

from django.db.models import QuerySet

from biobank.access import Actor
from specimens.participant.detail import (
    ParticipantDetail,
    PmiDetail,
    RegistrationDetail,
    RegistrationSummary,
)
from specimens.participant.models import MedicalRecord, Participant, Registration
from specimens.participant.reads.scopes import registrations_for
from specimens.participant.rules import MASK
from specimens.protocol.labels import aliquot_format_text

NAMES = ("first_name", "middle_name", "last_name", "email_address", "phone_number", "uid", "empi")


def with_parts(rows: QuerySet[Registration]) -> QuerySet[Registration]:
    """Registrations with what a detail shows, in one query; wide columns of the protocol stay out."""
    return rows.select_related("protocol", "participant", "site").defer(
        "protocol__workflows", "protocol__spmn_label_print_settings"
    )


def record_numbers(participant_ids: Iterable[int]) -> dict[int, list[MedicalRecord]]:
    """Record numbers by participant, oldest first, `site` loaded; one query."""
    found: dict[int, list[MedicalRecord]] = {pk: [] for pk in participant_ids}
    if found:
        rows = MedicalRecord.objects.filter(participant_id__in=found).select_related("site")
        for row in rows.order_by("pk"):
            found[row.participant_id].append(row)
    return found


def participant_detail(
    row: Participant,
    numbers: Sequence[MedicalRecord],
    *,
    phi: bool,
    registered: Sequence[RegistrationSummary] = (),
    mask: str | None = MASK,
) -> ParticipantDetail:
    """A participant; without PHI rights names and identifiers are masked, dates left out.

    With a `mask` of None they are left out, too, and with them the record numbers: a file without the numbers would
    take them away when it is imported.
    """
    numbers = numbers if phi or mask is not None else ()
    names: dict[str, Any] = {name: (getattr(row, name) if phi else mask) for name in NAMES}
    born, died = (row.birth_date, row.death_date) if phi else (None, None)
    return ParticipantDetail.model_construct(
        id=row.pk,
        source=row.source,
        **names,
        email_opt_in=row.email_opt_in,
        text_opt_in=row.text_opt_in,
        text_opt_in_consent=row.text_opt_in_consent,
        birth_date=born,
        birth_date_str=born.isoformat() if born else None,
        death_date=died,
        death_date_str=died.isoformat() if died else None,
        gender=row.gender,
        vital_status=row.vital_status,
        sex_genotype=row.sex_genotype,
        races=row.races,
        ethnicities=row.ethnicities,
        pmis=[
            PmiDetail.model_construct(site_name=number.site.name, mrn=number.mrn if phi else mask)
            for number in numbers
        ],
        activity_status=row.activity_status,
        phi_access=phi,
        registered_cps=list(registered),
    )


def registration_details(
    rows: Sequence[Registration],
    *,
    phi: Collection[int] | None = None,
    registered: Sequence[RegistrationSummary] = (),
    mask: str | None = MASK,
) -> list[RegistrationDetail]:
    """Details in the order given; `phi` names the protocols whose participants may be shown, None: all of them.

    The rows come from `with_parts`; one more query.
    """
    numbers = record_numbers({row.participant_id for row in rows})
    return [
        _registration(
            row,
            participant_detail(
                row.participant,
                numbers[row.participant_id],
                phi=phi is None or row.protocol_id in phi,
                registered=registered,
                mask=mask,
            ),
        )
        for row in rows
    ]


def _registration(row: Registration, person: ParticipantDetail) -> RegistrationDetail:
    protocol = row.protocol
    return RegistrationDetail.model_construct(
        id=row.pk,
        participant=person,
        cp_id=protocol.pk,
        cp_title=protocol.title,
        cp_short_title=protocol.short_title,
        ppid=row.ppid,
        barcode=row.barcode,
        activity_status=row.activity_status,
        data_entry_status=row.data_entry_status,
        registration_date=row.registration_date,
        external_subject_id=row.external_subject_id,
        site=row.site.name if row.site else None,
        specimen_label_fmt=protocol.specimen_label_fmt,
        aliquot_label_fmt=aliquot_format_text(protocol),
        derivative_label_fmt=protocol.derivative_label_fmt,
    )


def written(pks: Sequence[int]) -> list[RegistrationDetail]:
    """What a write answers: the registrations in the order of `pks`, unmasked, deleted ones too."""
    found = with_parts(Registration.objects.all()).in_bulk(list(pks))
    return registration_details([found[pk] for pk in pks])


def other_registrations(actor: Actor, row: Registration) -> list[RegistrationSummary]:
    """The participant's registrations besides this one that the caller may read (spec 03 §1.1)."""
    return registered_cps(actor, [row.participant_id], without=row.pk).get(row.participant_id, [])


def registered_cps(
    actor: Actor, participant_ids: Sequence[int], *, without: int | None = None
) -> dict[int, list[RegistrationSummary]]:
    """The readable registrations of participants, by participant; one query."""
    rows = registrations_for(actor).filter(participant_id__in=participant_ids)
    if without is not None:
        rows = rows.exclude(pk=without)
    found: dict[int, list[RegistrationSummary]] = {}
    columns = (
        "participant_id", "pk", "ppid", "registration_date", "protocol_id", "protocol__short_title"
    )  # fmt: skip
    for participant_id, pk, ppid, day, protocol_id, short_title in rows.order_by("pk").values_list(*columns):
        found.setdefault(participant_id, []).append(
            RegistrationSummary.model_construct(
                cpr_id=pk, ppid=ppid, registration_date=day, cp_id=protocol_id, cp_short_title=short_title
            )
        )
    return found


def summaries(pks: Sequence[int]) -> list[RegistrationSummary]:
    """What a bulk delete answers; PHI is dropped rather than masked (spec 03 §1.3)."""
    found = with_parts(Registration.objects.all()).in_bulk(list(pks))
    return [
        RegistrationSummary.model_construct(
            id=row.pk,
            cpr_id=row.pk,
            ppid=row.ppid,
            registration_date=row.registration_date,
            cp_id=row.protocol_id,
            cp_short_title=row.protocol.short_title,
            participant=ParticipantDetail.model_construct(
                id=row.participant_id, source=row.participant.source, first_name="", last_name=""
            ),
            activity_status=row.activity_status,
        )
        for row in (found[pk] for pk in pks)
    ]
