"""Resource limits of a program in a sandbox; each has its own enforcer and outcome."""

from __future__ import annotations

from typing import cast

from pydantic import BaseModel, ConfigDict, Field

from envgym.sandboxes.supervisor.messages import ProgramLimits

MIB = 1 << 20
ANY_DIGITS = (1 << 31) - 1
"""Maximum digits of a printed int; Python's default, 4300, is too few for some tests' numbers."""


class Limits(BaseModel):
    """Limits of one program, or of one call of a session.

    A sandbox is made with limits, and a call in it may lower them: what belongs to the sandbox as a
    whole (``memory_bytes``, ``processes``, ``disk_bytes``) is held at the sandbox's own figure too.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    wall_s: float = Field(10.0, gt=0, le=86400, description="Seconds by the clock: TLE.")
    cpu_s: float = Field(10.0, gt=0, le=86400, description="Seconds of processor time: TLE.")
    memory_bytes: int = Field(512 * MIB, ge=16 * MIB, description="Memory of all processes: MLE.")
    processes: int = Field(64, ge=1, le=4096, description="Processes and threads at once: PLE.")
    file_bytes: int = Field(64 * MIB, ge=0, description="Size of one file; past it writes fail.")
    disk_bytes: int = Field(
        256 * MIB, ge=MIB, description="Files of the sandbox; past it writes fail."
    )
    output_bytes: int = Field(MIB, ge=0, description="Standard output, and error, each: OLE.")
    stdin_bytes: int = Field(16 * MIB, ge=0, description="Standard input; more is refused.")
    int_digits: int = Field(
        ANY_DIGITS,
        ge=640,
        le=ANY_DIGITS,
        description="Decimal digits of an int that Python reads or writes: ValueError.",
    )
    open_files: int = Field(256, ge=16, le=65536, description="Descriptors of one process.")

    def values(self) -> ProgramLimits:
        """Return the limits as plain values, in which form they reach the program's starter."""
        return cast("ProgramLimits", self.model_dump())
