"""Viewer of runs: one self-contained HTML page, or the same page served live.

The viewer needs neither torch nor the model: `run_folder` finds and scans the episodes, `tokens`
decodes ids, `episodes` and `page_data` make the page's data, `page` writes it, and `server` serves
it during training. The page's own source is in ``assets/``.
"""

from __future__ import annotations

from envgym.view.page import write_page

__all__ = ["write_page"]
