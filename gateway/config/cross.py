"""What a schema cannot say: names given twice, time zones, URLs, files, and ways to be known upstream.

Every check works on the plain value of a file that may have other faults too, so that one run tells them
all; what has a fault already is passed over.
"""

from __future__ import annotations

import ipaddress
import os
import re
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from gateway.config.resolve import Draft, KeyPath, dotted
from gateway.config.upstream_auth import auth_faults
from gateway.files.marked import did_you_mean
from gateway.files.regular import read_file, reason_of
from gateway.files.zones import zone_doubted, zone_meant

_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9_.-]*[A-Za-z0-9])?\.?")
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
_PEM = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----")
PEM_LIMIT = 4_194_304


def check(draft: Draft, value: Mapping[str, Any]) -> None:
    """All cross checks over the resolved configuration; findings become faults of the draft."""
    _listeners(draft, value)
    _proxies(draft, value)
    _files(draft, value)
    zones: dict[str, bool] = {}
    sites: dict[str, KeyPath] = {}
    destinations: dict[str, KeyPath] = {}
    for index, site in enumerate(_list(value.get("sites"))):
        path: KeyPath = ("sites", index)
        if not isinstance(site, dict):
            continue
        _once(draft, sites, (*path, "id"), site.get("id"), "site id")
        redox = _map(site.get("redox"))
        for n, name in enumerate(_list(redox.get("destination_ids"))):
            _once(draft, destinations, (*path, "redox", "destination_ids", n), name, "destination")
        _zone(draft, zones, (*path, "timezone"), site.get("timezone"))
        _like(draft, (*path, "like"), site.get("like"), value.get("mappings"))
        _window(draft, path, site)
        _doors(draft, path, site)
        _upstream(draft, (*path, "upstream"), _map(site.get("upstream")))


def url_fault(url: str, *, insecure: bool) -> str | None:
    """What is wrong with a URL that we are to call, or None. ``insecure``: http to any host is allowed."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
        if ":" in host:
            ipaddress.IPv6Address(host)
    except ValueError:
        return "is not a URL; check the host and the port"
    if parts.scheme not in ("http", "https") or re.search(r"[\s\\\x00-\x1f\x7f]", url):
        return "must be a URL that begins with https:// (or http:// for this machine)"
    if not (":" in host or _HOST.fullmatch(host)) or port == 0:
        return "is not a URL; check the host and the port"
    if "@" in parts.netloc:
        return "must not hold a user name or password; there are keys for those"
    if "?" in url or "#" in url:
        return 'must not hold a query or fragment; end it before the "?" or "#"'
    if parts.scheme == "http" and not (insecure or is_loopback(host)):
        return "must begin with https://, since the host is not this machine"
    return None


def is_loopback(host: str) -> bool:
    """Whether a host is this machine."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost" or host.lower().endswith(".localhost")


def _listeners(draft: Draft, value: Mapping[str, Any]) -> None:
    server = {"host": "127.0.0.1", "port": 8080} | _map(value.get("server"))
    admin = {"host": "127.0.0.1", "port": 9090} | _map(value.get("admin"))
    if admin["port"] != 0 and server["port"] == admin["port"] and server["host"] == admin["host"]:
        which = "admin" if "port" in _map(value.get("admin")) else "server"
        other = "server" if which == "admin" else "admin"
        draft.fault((which, "port"), f"is the {other} listener's port too; give each its own")


def _proxies(draft: Draft, value: Mapping[str, Any]) -> None:
    """Whose word is taken must be named one by one: with everybody's, each caller's own would be."""
    for n, name in enumerate(_list(_map(value.get("server")).get("trusted_proxies"))):
        path: KeyPath = ("server", "trusted_proxies", n)
        if not isinstance(name, str) or draft.is_broken(path) or name == "unix":
            continue
        text = "is not an address, a network such as 10.0.0.0/8, or unix"
        try:
            network = ipaddress.ip_network(name, strict=False)
        except ValueError:
            draft.fault(path, text)
            continue
        if network.prefixlen == 0:
            draft.fault(path, "is everybody, who could then write any address in the log; name the proxies")
        elif "/" in name and ipaddress.ip_address(name.partition("/")[0]) != network.network_address:
            draft.fault(path, f"is within a network; write {network} for all of it")


def _like(draft: Draft, path: KeyPath, name: Any, mappings: Any) -> None:
    """What a site is like has settings in this file, or tables in the folder of tables."""
    if not isinstance(name, str) or name in draft.likes or draft.is_broken(path):
        return
    folder = Path(mappings, "like") if isinstance(mappings, str) else None
    tables = {each.name for each in folder.iterdir()} if folder is not None and folder.is_dir() else set()
    if name not in tables:
        hint = did_you_mean(name, sorted(filter(_NAME.fullmatch, tables)))
        text = f'there are no settings of this name under "like", and no tables in like/; {hint}'
        draft.fault(path, text.removesuffix("; "))


def _files(draft: Draft, value: Mapping[str, Any]) -> None:
    tls = _map(_map(value.get("server")).get("tls"))
    _url(draft, ("server", "public_url"), _map(value.get("server")).get("public_url"), insecure=True)
    for key in ("certificate_file", "key_file"):
        _readable(draft, ("server", "tls", key), tls.get(key))
    if isinstance(name := value.get("mappings"), str) and (text := _no_folder(name)):
        draft.fault(("mappings",), text)


def _no_folder(name: str) -> str | None:
    """What is wrong with the folder of tables. One that is not there yet is remarked by the check alone."""
    try:
        mode = os.stat(name).st_mode
    except FileNotFoundError:
        return "is a link to nothing" if os.path.islink(name) else None
    except (OSError, ValueError) as error:
        return f"cannot be a folder: {reason_of(error)}"
    if not stat.S_ISDIR(mode):
        return "is not a folder"
    return None if os.access(name, os.R_OK | os.X_OK) else "cannot be read: Permission denied"


def _readable(draft: Draft, path: KeyPath, name: Any) -> None:
    if isinstance(name, str) and name:
        try:
            read_file(Path(name), PEM_LIMIT)
        except (OSError, ValueError) as error:
            draft.cannot_read(path, reason_of(error))


def _once(draft: Draft, seen: dict[str, KeyPath], path: KeyPath, name: Any, what: str) -> None:
    """Letter case does not tell two names apart: they would be mistaken for each other."""
    if not isinstance(name, str) or draft.is_broken(path):
        return
    first = seen.setdefault(name.casefold(), path)
    if first != path:
        line = draft.where(first).line
        draft.fault(path, f"this {what} is given already at {dotted(first)} (line {line})")


def _zone(draft: Draft, zones: dict[str, bool], path: KeyPath, name: Any) -> None:
    if not isinstance(name, str) or draft.is_broken(path):
        return
    if name not in zones:
        zones[name] = _is_zone(name)
    if not zones[name]:
        near = zone_meant(name) or "write one such as America/Los_Angeles"
        draft.fault(path, f"is not an IANA time zone; {near}")
    elif doubt := zone_doubted(name):
        draft.remark(path, doubt)


def _is_zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # unknown; not a zone file; a folder, or too long a name
        return False
    return True


def _window(draft: Draft, path: KeyPath, site: Mapping[str, Any]) -> None:
    default, longest = site.get("default_window_days", 7), site.get("max_window_days", 62)
    if isinstance(default, int) and isinstance(longest, int) and default > longest:
        key = "default_window_days" if "default_window_days" in site else "max_window_days"
        text = f"default_window_days ({default}) must not be above max_window_days ({longest})"
        draft.fault((*path, key), text)


def _doors(draft: Draft, path: KeyPath, site: Mapping[str, Any]) -> None:
    """Who may ask: nothing configured opens nothing, so a site without any door is a mistake."""
    if "redox" not in site and "fhir" not in site:
        text = "is missing, and so is fhir; give one of them or both, or nobody may ask this site"
        draft.fault((*path, "redox"), text)
    fhir = site.get("fhir")
    at = (*path, "fhir")
    if fhir == {}:
        draft.fault(at, "needs clients: or jwt: (or both); now nobody may ask it", key=True)
    ids: dict[str, KeyPath] = {}
    hashes: dict[str, KeyPath] = {}
    for n, client in enumerate(_list(_map(fhir).get("clients"))):
        _once(draft, ids, (*at, "clients", n, "id"), _map(client).get("id"), "client id")
        token_path = (*at, "clients", n, "token_sha256")
        _once(draft, hashes, token_path, _map(client).get("token_sha256"), "token")
    jwks = _map(_map(fhir).get("jwt")).get("jwks_url")
    _url(draft, (*at, "jwt", "jwks_url"), jwks, insecure=False)


def _url(draft: Draft, path: KeyPath, url: Any, *, insecure: bool) -> None:
    if isinstance(url, str) and not draft.is_broken(path) and (text := url_fault(url, insecure=insecure)):
        hint = "; or set allow_insecure: true" if text.endswith("this machine") and "upstream" in path else ""
        draft.fault(path, text + hint)


def _upstream(draft: Draft, path: KeyPath, upstream: Mapping[str, Any]) -> None:
    insecure = upstream.get("allow_insecure") is True
    for key in ("base_url", "token_url"):
        _url(draft, (*path, key), upstream.get(key), insecure=insecure)
    _readable(draft, (*path, "ca_file"), upstream.get("ca_file"))
    pem = upstream.get("private_key")
    if isinstance(pem, str) and not _PEM.search(pem):
        text = 'is not a private key in PEM form (it begins "-----BEGIN PRIVATE KEY-----")'
        draft.fault((*path, "private_key"), text)
    for below, text in auth_faults(upstream):
        draft.fault((*path, *below), text)


def _map(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
