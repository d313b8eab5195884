"""What registrations do when their protocol is merged into another (spec 02 §A6)."""

from collections.abc import Sequence

from django.db.models import Case, IntegerField, Value, When

from biobank.access import Actor
from biobank.batch.update import update
from specimens.participant import below
from specimens.participant.models import ConsentResponse, Registration
from specimens.participant.writes.removal import disable_people, disable_registrations
from specimens.protocol import below as protocols
from specimens.protocol.models import ConsentTier


def follow_merges() -> None:
    """Join in merges of protocols; called once when the app starts."""
    protocols.merged.append(join)


def join(merge: protocols.Merge, actor: Actor) -> None:
    """Registrations move to the target, or hand their visits over where it has the participant or the PPID.

    A fixed number of statements. Participants left without a registration go.
    """
    known = Registration.objects.exclude(activity_status="Disabled").order_by("pk").select_for_update()
    theirs = list(known.filter(protocol=merge.target))
    ours = list(known.filter(protocol=merge.source))
    by_person = {row.participant_id: row.pk for row in theirs}
    by_ppid = {row.ppid: row.pk for row in theirs}
    doubled = {
        row.pk: heir
        for row in ours
        if (heir := by_person.get(row.participant_id) or by_ppid.get(row.ppid)) is not None
    }
    gone = [row for row in ours if row.pk in doubled]
    if gone:
        for follow in below.merged:
            follow(doubled, actor)
        disable_registrations(gone)
        people = {row.participant_id for row in gone}
        still = Registration.objects.filter(participant_id__in=people).exclude(activity_status="Disabled")
        disable_people(people - set(still.values_list("participant_id", flat=True)))
    moved = [row for row in ours if row.pk not in doubled]
    for row in moved:
        row.protocol_id = merge.target.pk
    update(moved, ["protocol_id"])
    _move_responses([row.pk for row in moved], merge)


def _move_responses(registration_ids: Sequence[int], merge: protocols.Merge) -> None:
    """Responses to statements that the target asks about, too, become responses to its tiers."""
    tiers = ConsentTier.objects.filter(protocol__in=[merge.source, merge.target], activity_status="Active")
    own = {tier.statement_id: tier.pk for tier in tiers if tier.protocol_id == merge.source.pk}
    other = {tier.statement_id: tier.pk for tier in tiers if tier.protocol_id == merge.target.pk}
    pairs = {own[statement]: other[statement] for statement in own.keys() & other.keys()}
    if pairs and registration_ids:
        heirs = [When(tier=old, then=Value(new)) for old, new in pairs.items()]
        rows = ConsentResponse.objects.filter(registration__in=registration_ids, tier__in=pairs)
        rows.update(tier=Case(*heirs, output_field=IntegerField()))
