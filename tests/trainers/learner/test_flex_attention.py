"""One kernel under a layout's mask gives the numbers of segment after segment."""

from __future__ import annotations

from random import Random

import torch
from hypothesis import given, settings
from transformers import Qwen2Config, Qwen2ForCausalLM

from envgym.trainers.learner.flex_attention import layout_mask
from envgym.trainers.learner.layout import lay_out
from envgym.trainers.learner.packing import packed_states
from tests.trainers.learner.test_packing import ALWAYS, arrays, batch, compiled
from tests.trainers.learner.test_shared_prefix import SIZES
from tests.trainers.strategies import chances

CPU = torch.device("cpu")


@settings(max_examples=5)
@given(chance=chances)
def test_states_of_random_layouts_are_the_same(chance: Random) -> None:
    torch.manual_seed(0)
    # Flex takes heads of 16 numbers and more.
    shape = SIZES | {"hidden_size": 64, "num_attention_heads": 4, "num_key_value_heads": 2}
    model = Qwen2ForCausalLM(Qwen2Config(**shape, initializer_range=0.3)).eval()
    rows = [r.row.ids for r in compiled(batch(chance, count=chance.randint(1, 8)))]
    layout = lay_out(rows, ALWAYS)
    with torch.no_grad():
        wanted = packed_states(model, layout)
        layout.mask = layout_mask(layout, CPU)
        found = packed_states(model, layout)
    torch.testing.assert_close(found, wanted, atol=1e-5, rtol=1e-5)


def test_a_mask_by_hand() -> None:
    layout = lay_out(arrays([1, 2, 3], [1, 2, 4], [9]), ALWAYS)  # 1 2 | 3 | 4 | 9
    mask = layout_mask(layout, CPU)
    at = torch.arange(5)
    zero = torch.zeros((), dtype=torch.int64)
    seen = [[bool(mask.mask_mod(zero, zero, q, k)) for k in at] for q in at]
    assert seen == [
        [True, False, False, False, False],
        [True, True, False, False, False],
        [True, True, True, False, False],
        [True, True, False, True, False],
        [False, False, False, False, True],
    ]
