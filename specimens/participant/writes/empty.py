"""Registering participants of whom nothing is known yet, many at once (spec 03 §1.10)."""

from biobank.access import Actor
from biobank.batch.door import Change
from biobank.wire.errors import INVALID_INPUT, Refused
from specimens.participant import rules
from specimens.participant.detail import EmptyRegistrations, ParticipantDetail, PmiDetail, RegistrationDetail
from specimens.participant.writes.known import today
from specimens.participant.writes.registrations import REGISTRATIONS


def register_many(body: EmptyRegistrations, actor: Actor) -> list[int]:
    """`regCount` registrations dated today, each known by nothing but the site; all or none.

    Raises CPR_COLLECTION_SITE_REQUIRED, COMMON_INVALID_INPUT (a count that is none, a kit) and whatever one
    registration may raise, once.
    """
    if not body.collection_site:
        raise Refused(rules.COLLECTION_SITE_REQUIRED())
    count = body.reg_count or 0
    if not 0 < count <= rules.MOST_AT_ONCE:
        raise Refused(INVALID_INPUT(name="regCount", value=body.reg_count))
    if body.kit_detail:
        raise Refused(INVALID_INPUT(name="kitDetail", value="kits are not kept here"))
    changes = [
        Change(
            RegistrationDetail(
                cp_id=body.cp_id,
                cp_title=body.cp_title,
                cp_short_title=body.cp_short_title,
                registration_date=today(),
                participant=ParticipantDetail(pmis=[PmiDetail(site_name=body.collection_site)]),
            )
        )
        for _ in range(count)
    ]
    try:
        return REGISTRATIONS.write(changes, actor)
    except Refused as refused:  # all rows are alike, and so is what is wrong with them
        raise Refused(*dict.fromkeys(refused.problems)) from None
