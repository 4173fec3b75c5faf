"""Command-line options that choose an agent, and the agent that they choose."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Any

import typer

from envgym.agent import Agent
from envgym.errors import UsageError, suggest

AGENTS = ("oracle", "random", "local", "openai", "vllm")

Model = Annotated[
    str,
    typer.Option(help="Directory of the model (local) or tokenizer (vllm), or a name (openai)."),
]
BaseUrl = Annotated[str, typer.Option(help="Address of the API (openai) or of the server (vllm).")]
ApiKeyEnv = Annotated[
    str, typer.Option(help="Environment variable that holds the API's key (openai).")
]
RequestsPerMinute = Annotated[
    float | None, typer.Option(help="Maximum number of requests per minute (openai).")
]
TokensPerMinute = Annotated[
    float | None,
    typer.Option(help="Maximum number of tokens per minute, input plus output (openai)."),
]
InputPrice = Annotated[float | None, typer.Option(help="Price per million input tokens (openai).")]
OutputPrice = Annotated[
    float | None, typer.Option(help="Price per million output tokens (openai).")
]
Budget = Annotated[
    float | None,
    typer.Option(help="Maximum total cost of the requests; the rollout stops before it (openai)."),
]
Dialect = Annotated[
    str,
    typer.Option(help="Tool-call format (local, vllm); auto reads it from the chat template."),
]
Fold = Annotated[
    str,
    typer.Option(
        help="Folding of roles that the template lacks: auto, off or their names (local, vllm)."
    ),
]
MaxTokens = Annotated[int, typer.Option(min=1, help="Maximum number of sampled tokens per turn.")]


@dataclass(frozen=True)
class AgentSettings:
    """Settings of an agent that a command line names.

    Attributes:
        endpoint: Further arguments of an `OpenAIAgent`: key, rates, prices, budget.
    """

    kind: str
    model: str = ""
    base_url: str = ""
    dialect: str = "hermes"
    fold: str = "off"
    max_tokens: int = 512
    temperature: float = 1.0
    endpoint: dict[str, Any] = field(default_factory=dict)

    def build(self) -> Agent:
        """Build the agent.

        Raises:
            UsageError: There is no such agent, or it lacks a setting that it needs.
        """
        if self.kind == "oracle":
            from envgym.agents.oracle import OracleAgent

            return OracleAgent()
        if self.kind == "random":
            from envgym.agents.random_agent import RandomAgent

            return RandomAgent()
        if self.kind not in AGENTS:
            raise UsageError(f"no agent {self.kind!r}.{suggest(self.kind, AGENTS)}")
        if not self.model:
            raise UsageError(f"the {self.kind} agent needs --model")
        if self.kind == "local":
            return self._local()
        if not self.base_url:
            raise UsageError(f"the {self.kind} agent needs --base-url")
        return self._openai() if self.kind == "openai" else self._vllm()

    def _openai(self) -> Agent:
        from envgym.agents.openai import OpenAIAgent

        return OpenAIAgent(
            self.base_url,
            self.model,
            temperature=self.temperature,
            max_tokens=self.max_tokens,
            **self.endpoint,
        )

    def _vllm(self) -> Agent:
        from envgym.agents.tiny import load_tokenizer
        from envgym.agents.vllm import VllmAgent
        from envgym.chat.renderer import Chat

        chat = Chat(load_tokenizer(self.model), self.dialect, fold=self.fold)
        return VllmAgent(
            [self.base_url], chat, max_tokens=self.max_tokens, temperature=self.temperature
        )

    def _local(self) -> Agent:
        from envgym.agents.local import LocalAgent, SamplingParams
        from envgym.agents.tiny import load_model
        from envgym.chat.renderer import Chat

        model, tokenizer = load_model(self.model)
        params = SamplingParams(max_tokens=self.max_tokens, temperature=self.temperature)
        return LocalAgent(model, Chat(tokenizer, self.dialect, fold=self.fold), params)
