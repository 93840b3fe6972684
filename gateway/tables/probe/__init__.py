"""What a live upstream really is, beside what the tables take it for. Pure: the flow asks for the calls."""

from __future__ import annotations

from gateway.tables.probe.flow import probe
from gateway.tables.probe.redox import probe_redox
from gateway.tables.probe.report import Report

__all__ = ["Report", "probe", "probe_redox"]
