"""What GET and HEAD say about a file, and what is in it (spec 06 §1.5 - §1.7, §5)."""

import hashlib
import io
import struct
import zlib
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import orjson
import pytest
from django.utils import timezone

from biobank.jobs import models as jobs
from biobank.jobs.runner import run_slice
from exports import store
from exports.builder import advance
from exports.registry import Section
from exports.writer import write_export
from specimens.protocol.models import PublishedVersion
from tests.client import Answer, Api
from tests.exports import cast

PATH = "/orgs/NORDBIO/collection-protocols/LUNG/v3/export/"


@pytest.fixture
def v3(db: None) -> PublishedVersion:
    return cast.version(cast.protocol())


@pytest.fixture
def call(api: Api, v3: PublishedVersion) -> Callable[..., Answer]:
    """Calls to the export of v3, which is READY."""
    cast.build(v3)
    return lambda method, **headers: api.call(
        method, PATH, base="", **{name.replace("_", "-"): value for name, value in headers.items()}
    )


class TestHeaders:
    def test_head_and_get_say_the_same(self, call: Callable[..., Answer]) -> None:
        get, head = call("get"), call("head")
        assert dict(head.headers) == dict(get.headers)
        assert head.body == b""
        assert get.headers["Content-Type"] == "application/zip"
        assert (
            get.headers["Content-Disposition"] == "attachment; filename=NORDBIO_LUNG_v3.2026-11-03_091542.zip"
        )
        assert int(get.headers["Content-Length"]) == len(get.body)
        assert get.headers["Last-Modified"] == "Tue, 03 Nov 2026 09:15:42 GMT"
        assert get.headers["Cache-Control"] == "no-store"
        exposed = get.headers["Access-Control-Expose-Headers"]
        assert {"Content-Disposition", "Content-Length"} <= set(exposed.split(", "))

    def test_nothing_compresses_the_zip_again(self, call: Callable[..., Answer]) -> None:
        answer = call("get", Accept_Encoding="gzip, br")
        assert "Content-Encoding" not in answer.headers
        assert int(answer.headers["Content-Length"]) == len(answer.body)

    def test_the_etag_is_strong_and_of_the_content(
        self, call: Callable[..., Answer], v3: PublishedVersion, api: Api
    ) -> None:
        first = call("head").headers["ETag"]
        assert first.startswith('"')
        api.call("delete", PATH, base="")
        cast.build(v3)
        assert call("head").headers["ETag"] == first

    @pytest.mark.parametrize("method", ["get", "head"])
    def test_a_known_file_is_not_sent_again(self, method: str, call: Callable[..., Answer]) -> None:
        etag = call("head").headers["ETag"]
        answer = call(method, If_None_Match=f'"other", {etag}')
        assert (answer.status, answer.body) == (304, b"")
        assert answer.headers["ETag"] == etag
        assert call(method, If_None_Match='"other"').status == 200
        assert call(method, If_Modified_Since="Tue, 03 Nov 2026 09:15:42 GMT").status == 304
        assert call(method, If_Modified_Since="Tue, 03 Nov 2026 09:15:41 GMT").status == 200
        assert call(method, If_Match='"other"').status == 412

    def test_a_range_is_a_part(self, call: Callable[..., Answer]) -> None:
        whole = call("get").body
        size = len(whole)
        for asked, first, stop in (
            ("bytes=0-9", 0, 10),
            ("bytes=5-5", 5, 6),
            ("bytes=10-", 10, size),
            ("bytes=-7", size - 7, size),
            (f"bytes=3-{size * 2}", 3, size),
            (f"bytes=-{size * 2}", 0, size),
        ):
            answer = call("get", Range=asked)
            assert (answer.status, answer.body) == (206, whole[first:stop]), asked
            assert answer.headers["Content-Range"] == f"bytes {first}-{stop - 1}/{size}"
            assert answer.headers["Content-Length"] == str(stop - first)
            assert answer.headers["Content-Type"] == "application/zip"

    def test_a_range_beyond_the_end(self, call: Callable[..., Answer]) -> None:
        size = len(call("get").body)
        for asked in (f"bytes={size}-", "bytes=-0", "bytes=999999999999999999-"):
            answer = call("get", Range=asked)
            assert (answer.status, answer.headers["Content-Range"]) == (416, f"bytes */{size}")

    @pytest.mark.parametrize(
        "asked",
        ["bytes=9-3", "bytes=-", "bytes=0-1,4-5", "items=0-1", "bytes=a-b", "", "bytes=" + "9" * 5000 + "-"],
    )
    def test_a_range_that_means_nothing_is_ignored(self, asked: str, call: Callable[..., Answer]) -> None:
        assert call("get", Range=asked).status == 200

    def test_a_range_of_an_older_file_is_the_whole_new_one(self, call: Callable[..., Answer]) -> None:
        etag = call("head").headers["ETag"]
        assert call("get", Range="bytes=0-3", If_Range='"older"').status == 200
        assert call("get", Range="bytes=0-3", If_Range=etag).status == 206

    def test_head_needs_few_queries_and_no_file(
        self, call: Callable[..., Answer], django_assert_max_num_queries: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def opened(file: str) -> None:
            raise AssertionError("HEAD opened the file")

        call("head")
        monkeypatch.setattr(store, "open_file", opened)
        with django_assert_max_num_queries(5):
            assert call("head").status == 200


class TestContent:
    def test_the_header_comes_first_and_begins_with_the_type(self, call: Callable[..., Answer]) -> None:
        found = cast.content(call("get").body)
        assert list(found)[:5] == ["type", "uuid", "id", "short_code", "kind"]
        sections = [
            "events",
            "specimen_requirements",
            "consent_tiers",
            "forms",
            "permissible_values",
            "sites",
        ]
        assert list(found)[-6:] == sections
        picked = (
            "type",
            "id",
            "short_code",
            "kind",
            "title",
            "owner",
            "owner_type",
            "owner_url",
            "version_url",
        )
        assert {key: found[key] for key in picked} == {
            "type": "Collection Protocol Version",
            "id": "v3",
            "short_code": "LUNG",
            "kind": "definition",
            "title": "Lung cohort – Uppsala",
            "owner": "NORDBIO",
            "owner_type": "Organization",
            "owner_url": "/orgs/NORDBIO/",
            "version_url": "/orgs/NORDBIO/collection-protocols/LUNG/v3/",
        }
        assert found["principal_investigator"] == "jlind"
        assert (found["start_date"], found["end_date"]) == ("2026-11-01", None)
        assert found["published_on"] == "2026-11-03T09:15:42.700000Z"
        assert found["counts"] == {"events": 2, "specimen_requirements": 2, "consent_tiers": 1}

    def test_the_rows_are_those_of_the_definition(self, call: Callable[..., Answer]) -> None:
        found = cast.content(call("get").body)
        baseline, weeks = found["events"]
        assert (baseline["id"], baseline["label"], baseline["day"], baseline["site"]) == (
            "BASELINE", "Baseline", 0, "UPPSALA",
        )  # fmt: skip
        assert (weeks["id"], weeks["day"], weeks["retired"]) == ("Six weeks", 42, True)
        blood, plasma = found["specimen_requirements"]
        assert (blood["id"], blood["event"], blood["parent"], blood["quantity"], blood["unit"]) == (
            "BASELINE-WB", "BASELINE", None, 10, "ml",
        )  # fmt: skip
        assert (plasma["id"], plasma["parent"], plasma["lineage"]) == ("41", "BASELINE-WB", "Derived")
        assert found["consent_tiers"] == [{"code": "GEN", "statement": "Genetic research"}]
        assert found["sites"] == ["UPPSALA"]

    def test_later_changes_of_the_protocol_leave_the_file_as_it_is(
        self, call: Callable[..., Answer], v3: PublishedVersion, api: Api
    ) -> None:
        before = call("get").body
        v3.protocol.title = "Another title"
        v3.protocol.irb_id = "changed"
        v3.protocol.save()
        site = v3.protocol.protocol_sites.get().site
        site.institute.name = "RENAMED"
        site.institute.save()
        path = PATH.replace("NORDBIO", "RENAMED")
        api.call("delete", path, base="")
        cast.build(v3)
        assert api.call("get", path, base="").body == before

    def test_previous_versions_are_named(self, v3: PublishedVersion, api: Api) -> None:
        v4 = cast.version(v3.protocol, "v4", at=cast.PUBLISHED + timedelta(days=1))
        cast.build(v3), cast.build(v4)
        older = cast.content(api.call("get", PATH, base="").body)
        newer = cast.content(api.call("get", PATH.replace("v3", "v4"), base="").body)
        assert older["previous_version_url"] is None
        assert newer["previous_version_url"] == older["version_url"]

    def test_the_zip_can_be_read_as_a_stream(self, call: Callable[..., Answer]) -> None:
        """One DEFLATE entry, sizes in a descriptor behind it, no 64-bit extension."""
        body = call("get").body
        signature, needs, flags, method, _, _, crc, packed, size, name_size, extra_size = struct.unpack(
            "<IHHHHHIIIHH", body[:30]
        )
        assert (signature, needs, method) == (0x04034B50, 20, 8)
        assert flags & 0b1000
        assert (crc, packed, size, extra_size) == (0, 0, 0, 0)
        assert body[30 : 30 + name_size] == b"export.json"
        inflate = zlib.decompressobj(-15)
        text = inflate.decompress(body[30 + name_size :])
        assert inflate.eof
        assert text.startswith(b'{"type":"Collection Protocol Version"')
        descriptor = struct.unpack("<IIII", inflate.unused_data[:16])
        assert descriptor[0] == 0x08074B50
        assert descriptor[1] == zlib.crc32(text)
        assert descriptor[3] == len(text)


class TestWriter:
    """The writer by itself."""

    @pytest.mark.parametrize("rows", [0, 1, 3, 20_000])
    def test_every_fragment_is_an_element_or_several(self, rows: int) -> None:
        text = "row ' \" \\ \t , ; é 字 \U0001f9ec %"
        wanted = [{"n": n, "text": text} for n in range(rows)]
        fragments = [orjson.dumps(row) for row in wanted]
        target = io.BytesIO()
        sections = [Section("rows", fragments), Section("again", [b",".join(fragments)] if rows else [])]
        written = write_export(target, {"type": "T"}, sections, stamp=cast.PUBLISHED)
        assert cast.content(target.getvalue()) == {"type": "T", "rows": wanted, "again": wanted}
        assert written.size == len(target.getvalue())
        assert written.sha256 == hashlib.sha256(target.getvalue()).hexdigest()

    def test_a_large_file_gets_sizes_of_64_bits(self) -> None:
        target = io.BytesIO()
        write_export(
            target, {"type": "T"}, [Section("rows", [b"1"])], stamp=cast.PUBLISHED, size_hint=5 * 10**9
        )
        assert cast.content(target.getvalue()) == {"type": "T", "rows": [1]}


class TestFailures:
    """At most three attempts; then absent, with the reason on the row, and no file of any sort."""

    @pytest.fixture(autouse=True)
    def _broken(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def broken(*_: Any, **__: Any) -> None:
            raise OSError("the disk is full")

        monkeypatch.setattr("exports.builder.write_export", broken)

    def test_a_failed_attempt_is_tried_again_and_the_third_is_the_last(
        self, v3: PublishedVersion, api: Api
    ) -> None:
        cast.ask(v3)
        seen = []
        for _ in range(4):
            cast.work()
            seen.append(api.call("head", PATH, base="").status)
        assert seen == [208, 208, 204, 204]
        row = v3_row(v3)
        assert (row.state, row.attempts, row.error) == (jobs.State.FAILED, 3, "OSError: the disk is full")
        assert not list(store.path_of("").glob(f"*{row.pk}-*"))
        assert api.call("post", PATH, base="").status == 202

    def test_an_old_file_outlives_a_rebuild_that_fails(
        self, v3: PublishedVersion, api: Api, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with monkeypatch.context() as mended:
            mended.setattr("exports.builder.write_export", write_export)
            cast.build(v3)
        cast.ask(v3, force=True)
        for _ in range(3):
            cast.work()
        assert api.call("get", PATH, base="").status == 200
        assert api.call("post", PATH, base="").status == 200


def test_a_build_whose_worker_died_three_times_is_given_up(v3: PublishedVersion, api: Api) -> None:
    cast.ask(v3)
    row = v3_row(v3)
    for attempt in (1, 2, 3):
        claimed = type(row).claim(row.pk)
        claimed.commit(attempts=attempt)  # and then it is killed
        type(row).objects.filter(pk=row.pk).update(lease_until=timezone.now() - timedelta(seconds=1))
        assert api.call("head", PATH, base="").status == 208
    run_slice(type(row), row.pk, advance)
    row.refresh_from_db()
    assert (row.state, row.error) == (jobs.State.FAILED, "the worker died while building")
    assert api.call("head", PATH, base="").status == 204


class TestSweeping:
    def test_only_files_that_nobody_owns_are_removed(self, v3: PublishedVersion) -> None:
        ready = cast.build(v3)
        building = cast.version(v3.protocol, "v4")
        cast.ask(building)
        claimed = type(ready).claim(v3_row(building).pk)
        assert claimed is not None
        own = [ready.file, store.name_for(claimed), f".{store.name_for(claimed)}.0123.part"]
        orphans = [
            f"{claimed.pk}-0123.zip",
            f".{claimed.pk}-0123.zip.45.part",
            "999999-0123.zip",
            f"{ready.pk}-0.zip",
        ]
        for name in [*own[1:], *orphans]:
            store.path_of(name).touch()
        store.remove_orphans()
        assert [name for name in own if not store.path_of(name).exists()] == []
        assert [name for name in orphans if store.path_of(name).exists()] == []

    def test_failures_are_forgotten_after_a_while(self, v3: PublishedVersion, settings: Any) -> None:
        model = type(cast.build(v3))
        old = timezone.now() - timedelta(days=settings.FILES_RETENTION_DAYS + 1)
        for finished, label in ((old, "old"), (timezone.now(), "new")):
            model.objects.create(
                kind="k", version_key=1, label=label, state=jobs.State.FAILED, finished_at=finished
            )
        model.objects.filter(state=jobs.State.DONE).update(finished_at=old)
        store.forget_failures()
        assert set(model.objects.values_list("label", flat=True)) == {"new", "test/v3"}


def v3_row(version: PublishedVersion) -> Any:
    from exports.models import Export

    return Export.objects.filter(version_key=version.pk).order_by("-pk")[0]
