"""What a live upstream really is, beside what the tables take it for. Pure: the flow asks for the calls."""

from __future__ import annotations

from gateway.probe.costs import Limits, costs
from gateway.probe.flow import probe
from gateway.probe.redox import probe_redox
from gateway.probe.report import Report

__all__ = ["Limits", "Report", "costs", "probe", "probe_redox"]
