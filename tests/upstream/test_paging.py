from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from yarl import URL

from gateway.upstream.paging import BaseUrl, next_link
from gateway.upstream.trouble import Trouble

BASE = BaseUrl("https://ehr.example/fhir/")
PAGE = URL("https://ehr.example/fhir/Slot?a=1")


@pytest.mark.parametrize(
    ("link", "goes_to"),
    [
        ("/fhir/Slot?_offset=10", "https://ehr.example/fhir/Slot?_offset=10"),
        ("/Slot?_count=10&_offset=10", "https://ehr.example/fhir/Slot?_count=10&_offset=10"),
        ("Slot?_offset=10", "https://ehr.example/fhir/Slot?_offset=10"),
        ("?_offset=10", "https://ehr.example/fhir/Slot?_offset=10"),
        ("https://ehr.example:443/fhir/Slot?p=2", "https://ehr.example/fhir/Slot?p=2"),
        # Opaque to us, so left as it is: an unquoted %2C could break a signature.
        ("https://ehr.example/fhir?_getpages=a%2Cb%2b|", "https://ehr.example/fhir?_getpages=a%2Cb%2b|"),
        ("//ehr.example/fhir/Slot", "https://ehr.example/fhir/Slot"),
        ("http://ehr.example/fhir/Slot", None),
        ("https://ehr.example:8443/fhir/Slot", None),
        ("https://ehr.example.evil.example/fhir/Slot", None),
        ("https://evil.example/https://ehr.example/fhir/Slot", None),
        ("https://evil.example?https://ehr.example/fhir/", None),
        ("//evil.example/fhir/Slot", None),
        ("https://ehr.example@evil.example/fhir/Slot", None),
        ("https://user@ehr.example/fhir/Slot", None),
        ("https://:pw@ehr.example/fhir/Slot", None),
        ("https://ehr.example/fhirx/Slot", None),
        ("https://ehr.example/admin", None),
        ("https://ehr.example/fhir/../admin", None),
        ("https://ehr.example/fhir/%2e%2E/admin", None),
        ("https://ehr.example/fhir/a%2f..%2f../admin", None),
        ("/../admin", None),
        ("/fhir\\..\\admin", None),
        ("https://ehr.example\\@evil.example/fhir/", None),
        ("https://ehr.example/fhir/Slot?a=1\r\nX: y", None),
        ("https://ehr.example/fhir/Slöt", None),
        ("https://[::1/fhir/Slot", None),
        ("https://ehr.example:99999/fhir/Slot", None),
        ("ftp://ehr.example/fhir/Slot", None),
        ("javascript:alert(1)", None),
    ],
)
def test_a_next_link_is_followed_only_below_the_base(link: str, goes_to: str | None) -> None:
    url = BASE.follow(PAGE, link)
    assert (str(url) if url is not None else None) == goes_to


def test_a_base_without_a_path_takes_server_relative_links() -> None:
    base = BaseUrl("http://127.0.0.1:8081")
    page = base.below("Slot")
    assert page is not None
    assert str(base.follow(page, "/Observation?_count=10")) == "http://127.0.0.1:8081/Observation?_count=10"
    assert base.follow(page, "http://127.0.0.1:8082/Observation") is None


@given(
    st.text(max_size=60)
    | st.builds("https://ehr.example{}".format, st.text("/.%2efhir:@\\?#[]", max_size=30))
)
def test_whatever_the_link_it_never_raises_nor_leaves(link: str) -> None:
    url = BASE.follow(PAGE, link)
    if url is not None:
        assert url.origin() == URL("https://ehr.example")
        assert f"{url.raw_path}/".startswith("/fhir/")
        assert ".." not in URL(str(url)).parts


def test_search_urls_keep_order_repeats_and_signs() -> None:
    params = (("start", "ge2025-10-21T00:00:00+02:00"), ("start", "lt2025-10-22"), ("x", "a b&c=%|é"))
    assert str(BASE.below("Slot", params)) == (
        "https://ehr.example/fhir/Slot?start=ge2025-10-21T00:00:00%2B02:00&start=lt2025-10-22"
        "&x=a+b%26c%3D%25%7C%C3%A9"
    )
    assert str(BASE.below("Slot/a b?c")) == "https://ehr.example/fhir/Slot/a%20b%3Fc"


@pytest.mark.parametrize("path", ["../admin", "Slot/../../x", "/Slot", "%2e%2e/admin"])
def test_a_target_cannot_leave_the_base(path: str) -> None:
    url = BASE.below(path)
    assert url is None or str(url) == "https://ehr.example/fhir/%252e%252e/admin"


@pytest.mark.parametrize(
    "text", ["ehr.example", "ftp://ehr.example", "http://u:p@ehr.example", "http://h/?a=1", "http://h/#a", ""]
)
def test_a_base_url_must_be_one(text: str) -> None:
    with pytest.raises(ValueError, match="the base URL must"):
        BaseUrl(text)


@pytest.mark.parametrize(
    ("page", "link"),
    [
        (b"{}", None),
        (b'{"link": null}', None),
        (b'{"link": [{"relation": "self", "url": "/a"}], "entry": [{"x": 1.5}]}', None),
        (b'{"link": [{"relation": "self", "url": "/a"}, {"relation": "next", "url": "/b"}]}', "/b"),
        (b'{"link": [{"relation": "next"}]}', None),
        (b'{"link": [{"relation": "Next", "url": "/b"}]}', "/b"),
    ],
)
def test_the_next_link_is_found(page: bytes, link: str | None) -> None:
    assert next_link(page) == link


@pytest.mark.parametrize(
    "page",
    [b"", b"[]", b"<html>", b'{"link": 1}', b'{"link": [], "entry": [1,', b'{"entry":' + b"[" * 100_000],
)
def test_what_is_not_a_page_is_a_breach_of_protocol(page: bytes) -> None:
    with pytest.raises(Trouble, match=r"^protocol \(200\)$"):
        next_link(page)


@pytest.mark.parametrize(
    ("link", "goes_to"),
    [
        ("http://internal:8080/fhir/Slot?page=2", "https://ehr.example/fhir/Slot?page=2"),
        (
            "http://internal/hapi/fhir?_getpages=1&_offset=10",
            "https://ehr.example/fhir?_getpages=1&_offset=10",
        ),
        ("http://internal/r4/Slot?a=%2e%2e%2fb", "https://ehr.example/fhir/Slot?a=%2e%2e%2fb"),
        ("http://internal/fhir/Patient?x=1", "https://ehr.example/fhir?x=1"),
        ("http://user:pass@internal/fhir/Slot?page=2", "https://ehr.example/fhir/Slot?page=2"),
        ("http://internal/fhir/Slot", None),
        ("ftp://internal/fhir/Slot?page=2", None),
        ("http://internal/fhir/Slot?a b", None),
    ],
)
def test_a_link_that_names_the_server_otherwise_may_be_read_below_the_base(
    link: str, goes_to: str | None
) -> None:
    url = BASE.rebase(PAGE, link)
    assert (str(url) if url is not None else None) == goes_to
