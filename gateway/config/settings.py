"""The frozen settings, as the rest of the gateway is handed them.

The limits here and in ``schemas/configuration.json`` are the same, and a test holds them so: the schema
explains to people, the models guarantee to the program. Secrets are ``SecretStr``: no ``repr`` shows them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, SecretStr, StringConstraints

from gateway.files.marked import Fault, Mark, MarkedMap, Node, find

Text = Annotated[str, StringConstraints(min_length=1)]
Secret = Annotated[SecretStr, Field(min_length=1)]
Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")]
Port = Annotated[int, Field(ge=0, le=65535)]
Algorithm = Literal["RS256", "RS384", "RS512", "ES256", "ES384", "ES512", "HS384"]
TokenAuth = Literal["auto", "client_secret_post", "client_secret_basic", "private_key_jwt"]
Auth = Literal["none", "token", "client-credentials", "signed-assertion", "api-key"]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class Tls(_Frozen):
    """PEM files with which a listener speaks HTTPS itself."""

    certificate_file: Path
    key_file: Path


class Server(_Frozen):
    """The public listener."""

    host: Text = "127.0.0.1"
    port: Port = 8080
    body_limit_bytes: Annotated[int, Field(ge=1024, le=41_943_040)] = 10_485_760
    shutdown_grace_seconds: Annotated[float, Field(ge=0, le=300)] = 10.0
    worker_silence_seconds: Annotated[float, Field(ge=1, le=300)] = 10.0
    public_url: Text | None = None
    trusted_proxies: tuple[Text, ...] = ("127.0.0.0/8", "::1", "unix")
    max_connections: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    tls: Tls | None = None


class Admin(_Frozen):
    """The admin listener: health, metrics, workbench."""

    host: Text = "127.0.0.1"
    port: Port = 9090


class Log(_Frozen):
    """What the log holds, and how it looks."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["json", "console"] = "json"


class RedoxSide(_Frozen):
    """What makes a site answer Redox."""

    destination_ids: Annotated[tuple[Text, ...], Field(min_length=1)]
    verification_token: Secret


class FhirClient(_Frozen):
    """A client with a fixed bearer token, of which only the SHA-256 is known (64 hex digits, small)."""

    id: Text
    token_sha256: Annotated[str, StringConstraints(pattern=r"^[0-9A-Fa-f]{64}$", to_lower=True)]


class Jwt(_Frozen):
    """An issuer whose signed tokens open a site."""

    issuer: Text
    audience: Text
    jwks_url: Text


class FhirSide(_Frozen):
    """Who may ask a site as a FHIR server."""

    clients: tuple[FhirClient, ...] = ()
    jwt: Jwt | None = None


class Upstream(_Frozen):
    """Who is asked, and how we show who we are.

    The keys are the union of what the kinds of upstream need; the tables of the dialect say which kind
    it is. ``base_url`` has no slash at its end.
    """

    dialect: Name
    base_url: Text
    token_url: Text | None = None
    token_auth: TokenAuth = "auto"
    client_id: Text | None = None
    client_secret: Secret | None = None
    scope: Text | None = None
    audience: Text | None = None
    resource: tuple[Text, ...] = ()
    token_fields: Mapping[str, Secret] = {}
    private_key: Secret | None = None
    key_id: Text | None = None
    algorithm: Algorithm | None = None
    assertion_audience: Text | None = None
    assertion_seconds: Annotated[int, Field(ge=10, le=230)] = 180
    secret: Secret | None = None
    api_key: Secret | None = None
    token: Secret | None = None
    source_id: Text | None = None
    destination_id: Text | None = None
    allow_insecure: bool = False
    ca_file: Path | None = None
    max_concurrency: Annotated[int, Field(ge=1, le=1000)] = 20
    max_pages: Annotated[int, Field(ge=1, le=1000)] = 20
    max_response_bytes: Annotated[int, Field(ge=1024, le=104_857_600)] = 10_485_760
    max_query_bytes: Annotated[int, Field(ge=1024, le=1_073_741_824)] = 67_108_864
    max_query_pages: Annotated[int, Field(ge=1, le=100_000)] = 500
    pages_below_base: bool = False
    requests_per_five_minutes: Annotated[int, Field(ge=1, le=1_000_000)] | None = None

    @property
    def auth(self) -> Auth:
        """By which of the ways this upstream knows us; the checks hold that there is at most one."""
        if self.token is not None:
            return "token"
        if self.client_secret is not None:
            return "client-credentials"
        if self.api_key is not None:
            return "api-key"
        return "none" if self.private_key is None and self.secret is None else "signed-assertion"


class Site(_Frozen):
    """One clinic: who may ask it, who is asked, and what its answers are bounded by."""

    id: Name
    like: Name | None = None
    timezone: Text
    redox: RedoxSide | None = None
    fhir: FhirSide | None = None
    upstream: Upstream
    default_duration_minutes: Annotated[int, Field(ge=1, le=1440)] | None = None
    default_window_days: Annotated[int, Field(ge=1, le=366)] = 7
    max_window_days: Annotated[int, Field(ge=1, le=366)] = 62
    preferences: Literal["filter", "order", "ignore"] = "filter"
    time_tolerance_minutes: Annotated[int, Field(ge=0, le=720)] = 60
    providers_by_name: bool = False
    max_schedules: Annotated[int, Field(ge=1, le=1000)] = 50
    max_searches: Annotated[int, Field(ge=1, le=10_000)] = 200
    max_slots: Annotated[int, Field(ge=1, le=100_000)] = 1000
    deadline_seconds: Annotated[float, Field(gt=0, le=110)] = 25.0
    directory_cache_seconds: Annotated[int, Field(ge=0, le=86_400)] = 300


class Settings(_Frozen):
    """A whole configuration, checked. ``mappings`` is absolute, or None when there is no such key.

    ``mappings_faults``: whether sites whose tables have faults are left out, or nothing is served or changed;
    ``mappings_reload``: whether tables are read anew when that is asked for, or also when files change.
    """

    server: Server = Server()
    admin: Admin = Admin()
    log: Log = Log()
    mappings: Path | None = None
    mappings_faults: Literal["leave-out", "refuse"] = "leave-out"
    mappings_reload: Literal["asked", "watch"] = "asked"
    sites: Annotated[tuple[Site, ...], Field(min_length=1)]

    _root: MarkedMap = PrivateAttr()
    _remarks: tuple[Fault, ...] = PrivateAttr(())

    @property
    def remarks(self) -> tuple[Fault, ...]:
        """What can be served all the same, but is hardly meant."""
        return self._remarks

    def where(self, path: Sequence[str | int]) -> Mark:
        """The place in the file of the value at ``path``, such as ``("sites", 0, "upstream", "dialect")``.

        For what the file does not hold, the nearest place above it.
        """
        return place(self._root, path)


def place(root: Node, path: Sequence[str | int], *, key: bool = False) -> Mark:
    """As ``find``, but a secret that was given as ``…_file`` is found there."""
    mark = find(root, path, key=key)
    if path and isinstance(path[-1], str) and mark == find(root, path[:-1]):
        return find(root, (*path[:-1], f"{path[-1]}_file"), key=key)
    return mark
