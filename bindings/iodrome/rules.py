# SPDX-License-Identifier: Apache-2.0
"""What any step of a chain may say beside its operands."""

from __future__ import annotations

from typing import Literal, TypedDict


class Rules(TypedDict, total=False):
    """docs/reference/chains.md says what each does."""

    name: str  #: what references call it; without it, its operation
    on_error: Literal["stop", "continue", "retry", "jump"]
    retries: int  #: with on_error="retry"
    jump_to: str  #: with on_error="jump": a later step, or "end"
    on_short: Literal["accept", "resume", "error"]  #: of transfers
    clean_up: bool  #: it runs whatever happened before
    loop_to: str  #: the chain goes back to that step, which may be this one
    rounds: int  #: of the loop; without it, until a transfer comes to the end
    after: tuple[str, ...]  #: makes the chain a graph: the steps that it waits for
