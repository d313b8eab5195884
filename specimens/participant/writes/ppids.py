"""PPIDs: which typed ones fit, and generating the others for a whole batch (spec 02 §P4, 03 §1.6)."""

from collections.abc import Iterable, Sequence

from biobank.wire.errors import Refused
from sites.models import Site
from specimens.participant import rules
from specimens.participant.models import Registration
from specimens.participant.reads.lookups import ppids_in_use
from specimens.participant.writes.naming import distinct_labels
from specimens.participant.writes.people import Person
from specimens.protocol.labels import LabelValues, ppid_format
from specimens.protocol.models import CollectionProtocol
from specimens.protocol.reads import sites_of


class SiteCodes:
    """The codes of sites, their own and those that protocols give them; two queries."""

    def __init__(self, protocol_ids: Iterable[int], site_ids: Iterable[int | None]) -> None:
        wanted = {site_id for site_id in site_ids if site_id is not None}
        self._own = dict(Site.objects.filter(pk__in=wanted).values_list("pk", "code")) if wanted else {}
        self._given = {
            (link.protocol_id, link.site_id): link.code
            for links in sites_of(set(protocol_ids)).values()
            for link in links
        }

    def code(self, protocol_id: int, site_id: int | None) -> str | None:
        """The protocol's code for a site, else the site's own."""
        if site_id is None:
            return None
        return self._given.get((protocol_id, site_id)) or self._own.get(site_id)

    def values(
        self,
        protocol: CollectionProtocol,
        site_id: int | None,
        mrn_site_id: int | None,
        external_id: str | None,
    ) -> LabelValues:
        """What the PPID tokens know of a registration."""
        return LabelValues(
            **LabelValues.of_protocol(protocol),
            external_subject_id=external_id,
            mrn_site_code=self._own.get(mrn_site_id) if mrn_site_id is not None else None,
            cp_site_code=self._given.get((protocol.pk, mrn_site_id)) if mrn_site_id is not None else None,
            reg_site_code=self._given.get((protocol.pk, site_id)) if site_id is not None else None,
        )


def give_ppids(registrations: Sequence[tuple[Registration, Person]]) -> None:
    """Name new registrations by their protocols' templates; a fixed number of statements for a batch.

    Raises `Refused(CPR_DUP_PPID)` when a template gives a text that is taken and has no number to go on with.
    """
    if not registrations:
        return
    protocols = {row.protocol_id: row.protocol for row, _ in registrations}
    formats = {pk: ppid_format(protocol) for pk, protocol in protocols.items()}
    first_sites = [next(iter(person.numbers), None) for _, person in registrations]
    codes = SiteCodes(protocols, [*first_sites, *(row.site_id for row, _ in registrations)])
    work = []
    for (row, _), mrn_site in zip(registrations, first_sites, strict=True):
        fmt = formats[row.protocol_id]
        if fmt is None:
            raise Refused(rules.PPID_REQUIRED())
        work.append((fmt, codes.values(row.protocol, row.site_id, mrn_site, row.external_subject_id)))
    texts = distinct_labels(work, [row.protocol_id for row, _ in registrations], ppids_in_use)
    for (row, _), text in zip(registrations, texts, strict=True):
        if text is None:
            raise Refused(rules.DUP_PPID(ppid="generated"))
        row.ppid = text
