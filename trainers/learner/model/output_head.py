"""Output head of a model: the function from its last hidden states to its logits.

The learner applies the head to the states of action tokens alone, apart from the model's forward.
In most families the head is one matrix. Some scale its product (Cohere, Granite) or bound it (the
soft cap of Gemma 2): without that the learner's log-probs would not be the sampler's, silently. The
names of such settings mean different things in different families, so the model itself decides: the
form that gives the logits of its own forward on a few tokens is taken.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch import Tensor
from transformers import PreTrainedModel

from envgym.agents.local.hf_runner import evaluating
from envgym.errors import UsageError
from envgym.trainers.learner.logprobs import Head, Logits, States

_TOKENS = 4
_TOLERANCE = {torch.float32: 1e-4, torch.float64: 1e-8}
_HALF = 2e-2
"""Relative deviation up to which two computations of the same logits agree, in half precision."""

Form = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class ScaledHead:
    """Output matrix, followed by the model's own change of the logits."""

    matrix: Any
    form: Form

    @property
    def out_features(self) -> int:
        """Size of the vocabulary."""
        size: int = self.matrix.out_features
        return size

    def __call__(self, states: States) -> Logits:
        """Logits [n, V] of states [n, H]."""
        return self.form(self.matrix(states))


_forms_found: WeakKeyDictionary[PreTrainedModel, Form] = WeakKeyDictionary()


def output_head(model: PreTrainedModel) -> Head:
    """Return the head whose logits are those of the model's own forward.

    Raises:
        UsageError: No known form gives these logits.
    """
    if model not in _forms_found:
        _forms_found[model] = _fitting(model)
    matrix, form = model.get_output_embeddings(), _forms_found[model]
    return matrix if form is _same else ScaledHead(matrix, form)


def _fitting(model: Any) -> Form:
    """Find the form, of all that the settings allow, that gives the logits of a few tokens."""
    ids = torch.arange(_TOKENS, device=model.device)[None]
    with torch.no_grad(), evaluating(model):
        states = model.base_model(input_ids=ids, use_cache=False).last_hidden_state
        wanted = model(input_ids=ids, use_cache=False).logits
        plain = model.get_output_embeddings()(states)
    scale = wanted.abs().max().item() or 1.0
    gaps = [((form(plain) - wanted).abs().max().item() / scale, form) for form in _forms(model)]
    gap, form = min(gaps, key=lambda found: found[0])  # of equal ones the first: the plain matrix
    if not gap <= _TOLERANCE.get(wanted.dtype, _HALF):
        raise UsageError(
            f"{type(model).__name__} cannot be trained: its logits are no known function of its "
            f"output matrix times its last hidden states (the nearest is {gap:.1%} off); add the "
            "function to trainers/learner/model/output_head.py"
        )
    return form


def _forms(model: Any) -> Iterator[Form]:
    """Yield the candidates: the plain matrix, then each combination of settings of the config."""
    config = model.config.get_text_config(decoder=True)
    scaled: list[Form] = [_same]
    for name in ("logit_scale", "logits_scaling"):
        if value := getattr(config, name, None):
            scaled += [partial(torch.mul, other=value), partial(torch.div, other=value)]
    yield from scaled
    if cap := getattr(config, "final_logit_softcapping", None):
        yield from (partial(_capped, form, cap) for form in scaled)


def _capped(form: Form, cap: float, logits: Tensor) -> Tensor:
    return torch.tanh(form(logits) / cap) * cap


def _same(logits: Tensor) -> Tensor:
    return logits
