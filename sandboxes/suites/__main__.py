"""Command that runs both suites on one backend without pytest.

It serves other users, and machines without pytest:

    python -m envgym.sandboxes.suites namespace --option mode=user --only fork_bomb
"""

from __future__ import annotations

import argparse
import sys
import traceback

from envgym.sandboxes.suites.attacks import ATTACKS
from envgym.sandboxes.suites.backend_under_test import BackendUnderTest
from envgym.sandboxes.suites.conformance import CASES
from envgym.sandboxes.suites.known_gaps import known_gaps


def main() -> int:
    """Run the cases; return the number with an unexpected result."""
    parser = argparse.ArgumentParser(prog="python -m envgym.sandboxes.suites", description=__doc__)
    parser.add_argument("backend")
    parser.add_argument("--option", action="append", default=[], metavar="NAME=VALUE")
    parser.add_argument("--only", action="append", metavar="CASE")
    parser.add_argument("--crowd", type=int, default=32, help="boxes at once that are many")
    asked = parser.parse_args()
    options = dict(option.split("=", 1) for option in asked.option)
    wrong = 0
    with BackendUnderTest(asked.backend, crowd=asked.crowd, **options) as under_test:
        plays = [
            *((case.__name__, under_test.conforms, case) for case in CASES),
            *((attack.id, under_test.withstands, attack) for attack in ATTACKS),
        ]
        reasons = known_gaps(under_test.variant)
        for name, play, case in plays:
            if asked.only and name not in asked.only:
                continue
            if under_test.name == "unsafe" and case in ATTACKS and not case.harmless:
                continue
            try:
                play(case)  # type: ignore[operator]
            except Exception as error:
                fine, said = name in reasons, f"{type(error).__name__}: {error}"
                if not fine and not isinstance(error, AssertionError):
                    said = traceback.format_exc()
            else:
                fine, said = name not in reasons, ""
            wrong += not fine
            print(f"{'ok   ' if fine else 'WRONG'} {name}", said if not fine else "", flush=True)
    print(f"{wrong} wrong")
    return min(wrong, 1)


if __name__ == "__main__":
    sys.exit(main())
