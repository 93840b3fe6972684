"""Edits of CSV files: other lines stay as they are, letter by letter."""

from __future__ import annotations

import pytest

from gateway.files.csv_edit import edited

FILE = b'\xef\xbb\xbfcode;system;note\r\n"007";a;"x ""y"""\r\n\r\n1;"b\r\nc";z\r\n2;d\r\n'


def test_a_line_is_changed_removed_and_added() -> None:
    assert edited(FILE) == FILE
    done = edited(FILE, {4: {"code": "+1", "system": "b;c"}, 6: None}, [{"code": "0042", "note": "=n"}])
    head = b'\xef\xbb\xbfcode;system;note\r\n"007";a;"x ""y"""\r\n\r\n'
    assert done == head + b"'+1;\"b;c\";\r\n0042;;'=n\r\n"


def test_a_column_that_is_not_there_is_added_if_it_is_filled() -> None:
    assert edited(b"a,b\n1,2\n", {}, [{"a": "3", "c": ""}]) == b"a,b\n1,2\n3,\n"
    assert edited(b"a,b\n1,2\n", {}, [{"a": "3", "c": "4"}]) == b"a,b,c\n1,2\n3,,4\n"


def test_a_last_line_without_its_end_gets_one() -> None:
    assert edited(b"a,b\n1,2", {}, [{"a": "3"}]) == b"a,b\n1,2\n3,\n"


def test_a_file_that_is_not_there_yet_begins_with_its_columns() -> None:
    assert edited(b"", {}, [{"a": "1", "b": "2"}]) == b"a,b\n1,2\n"


def test_what_is_no_csv_is_told() -> None:
    with pytest.raises(ValueError, match="is not CSV"):
        edited(b'a,b\n"1,2\n', {2: None})
