"""The wire shapes of specimen type units (spec 02 §D3)."""

from biobank.wire.detail import Detail, Payload, Text, Whole
from biobank.wire.paging import Paged


class UnitDetail(Detail):
    """The units of a class or type; no protocol means all of them, no type all types of the class.

    `cpId` is read only: it names the protocol when there is no short title, 0 or less means all.
    """

    cp_short_title: Text = None
    specimen_class: Text = None
    type: Text = None
    quantity_unit: Text = None
    concentration_unit: Text = None


class UnitBody(UnitDetail):
    """What clients send."""

    cp_id: Whole = None


class UnitFilter(Payload):
    cp_short_title: Text = None
    specimen_class: Text = None
    specimen_type: Text = None


class UnitQuery(UnitFilter, Paged):
    pass


class TypeProps(Payload):
    """What is known of a class or type besides its name."""

    abbreviation: Text = None
    qty_unit: Text = None
    qty_html_display_code: Text = None
    conc_unit: Text = None
    conc_html_display_code: Text = None


class TypePropsDetail(Detail):
    """A type (or, with `specimenType` null, a class) with its properties, those of its class filled in."""

    specimen_class: Text = None
    specimen_type: Text = None
    props: TypeProps
