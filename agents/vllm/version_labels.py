"""Labels of weight versions at servers, and the version of each sampled token.

A label names the run as well as the version. So a server that was restarted (its label is then its
own first one), or that another run has taken over, cannot pass for one with our weights.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Sequence

from envgym.agents.vllm.token_protocols import LabelSpan
from envgym.errors import Fault

log = logging.getLogger(__name__)


class VersionLabels:
    """Labels of one run.

    Args:
        run: Name of the run in labels; a fresh one by default.
    """

    def __init__(self, run: str | None = None) -> None:
        self.run = run or uuid.uuid4().hex[:12]

    def label(self, version: int) -> str:
        """Label of a version."""
        return f"{self.run}:{version}"

    def version(self, label: str) -> int | None:
        """Version with this label; None where it is none of this run's."""
        run, _, number = label.rpartition(":")
        return int(number) if run == self.run and number.isdecimal() else None

    def versions(
        self, spans: Sequence[LabelSpan] | None, count: int, began: int, now: int
    ) -> list[int]:
        """Make the version of each of `count` sampled ids.

        Args:
            spans: What the server told; None where it does not tell.
            began, now: The versions when the request was sent, and when its reply came.

        Raises:
            Fault: A token was sampled under weights that are not this run's, or under none of the
                versions from `began` to `now`.
        """
        if spans is None:
            if began != now:
                log.warning(
                    "weights changed from version %d to %d during a request, and the server does "
                    "not tell which tokens came after: all count as version %d",
                    began,
                    now,
                    began,
                )
            return [began] * count
        versions: list[int] = []
        for span in spans:
            version = self.version(span.label)
            if version is None or not began <= version <= now or span.start != len(versions):
                raise Fault(
                    f"tokens {span.start} to {span.end} were sampled under weights labelled "
                    f"{span.label!r}, not {self.label(now)!r}: the server was restarted, or "
                    "another run uses it"
                )
            versions += [version] * (span.end - span.start)
        if len(versions) != count:
            raise Fault(f"the server labelled {len(versions)} of {count} sampled tokens")
        return versions
