"""Viewer of runs: one self-contained HTML page, or the same page served live.

Reading a run needs neither torch nor the model: `folder` finds and scans its episodes, `tokens`
turns ids into text, `episodes` and `data` say what the page shows, `page` writes it, `server`
serves it while training goes on. The page's own source lies in ``assets/``.
"""

from __future__ import annotations

from envgym.view.page import write_page

__all__ = ["write_page"]
