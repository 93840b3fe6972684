"""A gateway that is built of what was read once, whatever has become of the files."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
import trustme

from gateway.assemble import Snapshot, assemble, built, check_configuration
from gateway.files.marked import Faults

SAMPLE = Path(__file__).parent / "samples" / "every-dialect"


@pytest.fixture
def configured(tmp_path: Path) -> Path:
    """Every dialect, with all kinds of files that a configuration can name."""
    folder = tmp_path / "etc"
    shutil.copytree(SAMPLE, folder)
    authority = trustme.CA()
    certificate = authority.issue_cert("localhost")
    authority.cert_pem.write_to_path(folder / "ca.pem")
    certificate.private_key_pem.write_to_path(folder / "key.pem")
    certificate.cert_chain_pems[0].write_to_path(folder / "cert.pem")
    (folder / "secret").write_text("canary-1f60c2d98be74a35")
    path = folder / "gateway.yaml"
    text = path.read_text().replace(
        "verification_token: 1f60c2d98be74a35", "verification_token_file: secret", 1
    )
    text = text.replace("dialect: fhir-r4,", "dialect: fhir-r4, ca_file: ca.pem, token: '${TOKEN}',")
    path.write_text("server: {tls: {certificate_file: cert.pem, key_file: key.pem}}\n" + text)
    return path


def test_nothing_of_it_is_read_anew(configured: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = check_configuration(configured, {"TOKEN": "canary-8d03b6f1e75a"})
    snapshot = Snapshot.of(found)
    here = snapshot.assemble(found)
    gone = configured.parent / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    shutil.rmtree(configured.parent)
    with pytest.raises(FileNotFoundError):
        os.getcwd()
    there = Snapshot(snapshot.content).assemble()
    assert [each.tables.hash for each in there.sites] == [each.tables.hash for each in here.sites]
    assert [each.tables.schedules for each in there.sites] == [each.tables.schedules for each in here.sites]
    assert [each.rules for each in there.sites] == [each.rules for each in here.sites]
    assert there.tls is not None
    redox, upstream = there.settings.sites[0].redox, there.settings.sites[1].upstream
    assert redox is not None and redox.verification_token.get_secret_value() == "canary-1f60c2d98be74a35"
    assert upstream.token is not None and upstream.token.get_secret_value() == "canary-8d03b6f1e75a"
    assert there.gateway.opens("canary-1f60c2d98be74a35") == here.gateway.opens("canary-1f60c2d98be74a35")
    assert built(snapshot, there) == built(snapshot, here)
    served_fhir = [each.rules.id for each in here.sites if here.fhir.fhir_site(each.rules.id) is not None]
    assert len(served_fhir) == 2
    assert [each.rules.id for each in there.sites if there.fhir.fhir_site(each.rules.id)] == served_fhir


def test_it_shows_nothing_and_each_file_is_in_it_once(configured: Path) -> None:
    snapshot = Snapshot.of(check_configuration(configured, {"TOKEN": "canary-8d03b6f1e75a"}))
    assert "canary" not in repr(snapshot) + str(snapshot)
    base = (Path("mappings") / "base" / "errors.yaml").read_bytes()
    assert snapshot.content.count(base) == 1


def test_it_is_another_with_any_change(configured: Path) -> None:
    def taken(token: str = "a-8d03b6f1e75a") -> Snapshot:
        return Snapshot.of(check_configuration(configured, {"TOKEN": token}))

    hashes = {taken().hash, taken("b-8d03b6f1e75a").hash}
    added = {"secret": "x", "ca.pem": "\n", "mappings/codes/more.csv": "redox_code,fhir_code\n"}
    for name, text in added.items():
        path = configured.parent / name
        path.parent.mkdir(exist_ok=True)
        with path.open("a") as more:
            more.write(text)
        hashes.add(taken().hash)
    assert len(hashes) == 5
    assert taken().hash in hashes


def test_what_builds_otherwise_is_told(configured: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = check_configuration(configured, {"TOKEN": "a-8d03b6f1e75a"})
    snapshot = Snapshot.of(found)
    before = built(snapshot, snapshot.assemble(found))
    monkeypatch.setattr("gateway.assemble.application.__version__", "0.0.0")
    assert built(snapshot, snapshot.assemble()) != before


def test_a_certificate_that_is_none_is_told_at_its_place(configured: Path) -> None:
    (configured.parent / "key.pem").write_text("no key")
    found = check_configuration(configured, {"TOKEN": "a-8d03b6f1e75a"})
    with pytest.raises(Faults) as here:
        assemble(found)
    with pytest.raises(Faults) as there:
        Snapshot.of(found).assemble(found)
    assert here.value.faults == there.value.faults
