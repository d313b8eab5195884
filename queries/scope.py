"""Which tables a query reads: the joins along the tree of forms (spec 05 §2.1, §2.2)."""

from __future__ import annotations

from dataclasses import dataclass, field

from biobank.catalogue import Catalogue, Field, Fold, Form, Join, placeholders
from queries.errors import Malformed

MAX_TABLES = 60


@dataclass(frozen=True, slots=True)
class Instance:
    """One row source of a form; a side of `pand` has its own copy of every form but the root."""

    form: Form
    alias: str
    above: Instance | None = None  # the one it hangs below, for forms below the root
    joins: dict[str, str] = field(default_factory=dict, compare=False)

    @property
    def key(self) -> str:
        return f"{self.alias}.{self.form.key}"

    @property
    def lineage(self) -> list[Instance]:
        """Itself and what it hangs below, outermost first; empty unless it is below the root."""
        return [] if self.above is None else [*self.above.lineage, self]


@dataclass(frozen=True, slots=True)
class Folded:
    """A join with several rows for a record, and the SQL of what tells these rows apart."""

    alias: str
    fold: Fold
    key: str


@dataclass(frozen=True, slots=True)
class Resolved:
    """What a field path stands for here: its SQL, and the many-rows joins it comes through, outermost first."""

    field: Field
    form: Form
    instance: Instance
    sql: str
    folds: tuple[Folded, ...]


class Scope:
    """The FROM clause of one SELECT; grows as paths are resolved."""

    def __init__(self, catalogue: Catalogue, root: str, user_id: int, prefix: str = "t") -> None:
        form = catalogue.form(root)
        if form is None:
            raise Malformed(f"There is no form {root}")
        self.catalogue = catalogue
        self._user = str(int(user_id))
        self._prefix = prefix
        self._tables = 0
        self._joins: list[str] = []
        self._instances: dict[tuple[str, int], Instance] = {}
        self._many: dict[str, None] = {}
        self.root = Instance(form, self._next_alias())

    def resolve(self, path: str, copy: int = 0) -> Resolved:
        """Find a field and join what it needs; raises Malformed when there is no such form or field."""
        form_name, _, name = path.partition(".")
        instance = self.instance(form_name, copy)
        found = instance.form.by_name.get(name)
        if found is None:
            raise Malformed(f"The form {form_name} does not have the field {name}")
        folds: list[Folded] = []
        text = self._fill(instance, found.sql, folds)
        return Resolved(found, instance.form, instance, text, tuple(folds))

    def instance(self, form_name: str, copy: int = 0) -> Instance:
        """The row source of a form, joined along the tree from the root."""
        root = self.root.form
        if form_name == root.name:
            return self.root
        form = self.catalogue.form(form_name)
        if form is None:
            raise Malformed(f"There is no form {form_name}")
        if form_name not in root.reaches:
            raise Malformed(f"{form_name} cannot be reached from {root.name}")
        known = self._instances.get((form_name, copy))
        return known or self._join_form(form, copy)

    def from_clause(self) -> str:
        return " ".join([f"FROM {self.root.form.table} {self.root.alias}", *self._joins])

    def active_root(self) -> str:
        """The condition that keeps deleted root records out."""
        return self.root.form.active.format(self=self.root.alias)

    def multiplying(self) -> set[str]:
        """The keys of everything joined so far of which a root record may have several."""
        return {each.key for each in self._instances.values() if each.above is not None} | set(self._many)

    def _join_form(self, form: Form, copy: int) -> Instance:
        below = self._step_towards(form)
        if below is not None:  # the form is above the root: join it to its child
            child = self.instance(below.name, copy)
            instance = Instance(form, self._next_alias())
            link = child.form.link
            condition = link.on.format(self=child.alias, parent=instance.alias) if link else "FALSE"
        elif form.link is not None:
            parent = self.instance(form.link.form, copy)
            instance = Instance(form, self._next_alias(), parent)
            condition = form.link.on.format(self=instance.alias, parent=parent.alias)
        else:
            raise Malformed(f"{form.name} cannot be reached from {self.root.form.name}")
        active = form.active.format(self=instance.alias)
        self._joins.append(f"LEFT JOIN {form.table} {instance.alias} ON {condition} AND {active}")
        self._instances[(form.name, copy)] = instance
        return instance

    def _step_towards(self, target: Form) -> Form | None:
        """The child of `target` on the way up from the root; None when the target is not above the root."""
        at: Form | None = self.root.form
        while at is not None and at.link is not None:
            if at.link.form == target.name:
                return at
            at = self.catalogue.form(at.link.form)
        return None

    def _fill(self, instance: Instance, template: str, folds: list[Folded]) -> str:
        """The template with aliases in place; joins what it names, and notes many-rows joins on the way."""
        names: dict[str, str] = {"self": instance.alias, "user": self._user}
        for name in placeholders(template):
            if name not in names:
                names[name] = self._join_table(instance, instance.form.join_names[name], folds)
        return template.format_map(names)

    def _join_table(self, instance: Instance, join: Join, folds: list[Folded]) -> str:
        above = {
            name: self._join_table(instance, instance.form.join_names[name], folds) for name in join.needs
        }
        alias = instance.joins.get(join.name)
        if alias is None:
            alias = instance.joins[join.name] = self._next_alias()
            names = {"self": instance.alias, "user": self._user, join.name: alias, **above}
            table, condition = join.table.format_map(names), join.on.format_map(names)
            self._joins.append(f"LEFT JOIN {table} {alias}{join.columns} ON {condition}")
        if join.fold is not Fold.ONE:
            folded = Folded(alias, join.fold, f"{alias}.{join.key}")
            self._many[folded.key] = None
            if folded not in folds:
                folds.append(folded)
        return alias

    def _next_alias(self) -> str:
        self._tables += 1
        if self._tables > MAX_TABLES:
            raise Malformed(f"The query joins more than {MAX_TABLES} tables")
        return f"{self._prefix}{self._tables - 1}"
