"""A remote episode is the local one: what is seen, told, drawn, refused and raised."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import envgym
from envgym.agents.oracle import OracleAgent
from envgym.checker.malformed_actions import malformed_actions
from envgym.deadlines import Deadlines
from envgym.env import Env
from envgym.errors import EnvgymError, Fault, UsageError
from envgym.gymnasium_compat import SyncEnv
from envgym.messages import Action, ToolCall
from envgym.resources import open_resources
from envgym.rollout.runner import Limits, Rollout, Start, run_episode
from envgym.task import Task
from tests.envgym.serve.odd_world import ERRORS, Odd
from tests.envgym.serve.running import Running, until
from tests.envgym.worlds import Guess, Solver

SAID = (
    *("hello", "replace", "metric 1.5", "metric nan", "half", "other", "huge 100000", "end 0.25"),
    "anchor here",
)


def pair(server: Running, name: str = "odd-v0", **kwargs: Any) -> tuple[Env[Any], Env[Any]]:
    """A local instance, and one on the server."""
    local = {"odd-v0": Odd, "guess-v0": Guess}[name](**kwargs)
    return local, envgym.make(f"{server.url}/{name}", **kwargs)


async def tell(env: Env[Any], *texts: str, seed: int | None = 3) -> list[str]:
    """Everything that an episode of these texts shows."""
    seen = [repr(await env.reset(seed=seed)), repr(env.task.data), env.task.key]
    for text in texts:
        try:
            step = await env.step(Action(text))
        except EnvgymError as error:
            seen.append(f"{type(error).__name__} {getattr(error, 'kind', '')} {error}")
            break
        seen.append(repr(step))
        seen.append(repr((env.turn, env.seat, env.score, env.metrics, env.ended, env.anchor)))
        seen.append(repr(env.partial_score()))
    return seen


@pytest.mark.parametrize("text", SAID)
async def test_steps(server: Running, text: str) -> None:
    local, remote = pair(server)
    async with local, remote:
        assert await tell(local, "first", text) == await tell(remote, "first", text)


@pytest.mark.parametrize("what", ERRORS)
async def test_errors_cross_as_they_are(server: Running, what: str) -> None:
    local, remote = pair(server)
    async with local, remote:
        here, there = [await tell(env, f"raise {what}") for env in (local, remote)]
        if what == "other":  # each names itself and its own part
            assert there[-1] == "Fault env odd-v0: act raised ZeroDivisionError: by zero"
        assert here == there
        for env in (local, remote):  # both are broken until they are reset
            with pytest.raises(UsageError, match="cannot step: the episode is broken"):
                await env.step(Action("more"))
            await env.reset()


async def test_turns_run_out_the_same(server: Running) -> None:
    local, remote = pair(server)
    async with local, remote:
        said = await tell(local, *"abcdefg")
        assert said == await tell(remote, *"abcdefg")
        assert "max_turns" in said[-4]
        assert "the episode is over; call reset first" in said[-1]


async def test_resets_without_a_seed_go_on_in_the_stream(server: Running) -> None:
    local, remote = pair(server)
    async with local, remote:
        for seed in (5, None, None):
            assert await tell(local, "x", seed=seed) == await tell(remote, "x", seed=seed)


async def test_a_cancelled_step_is_cancelled_there_and_the_stream_goes_on(server: Running) -> None:
    local, remote = pair(server)
    async with local, remote:
        for env in (local, remote):
            await env.reset(seed=5)
            before = Odd.cancelled
            step = asyncio.create_task(env.step(Action("wait 60")))
            await until(lambda: Odd.waiting == 1)
            step.cancel()
            with pytest.raises(asyncio.CancelledError):
                await step
            await until(lambda: Odd.waiting == 0)
            assert Odd.cancelled == before + 1
            with pytest.raises(UsageError, match="cannot step: the episode is broken"):
                await env.step(Action("x"))
        assert await tell(local, "x", seed=None) == await tell(remote, "x", seed=None)


async def test_the_order_of_calls_is_kept(server: Running) -> None:
    for env in pair(server):
        with pytest.raises(UsageError, match="cannot step: the episode is new; call reset first"):
            await env.step(Action("x"))
        await env.close()
        await env.close()
        with pytest.raises(UsageError, match="cannot step: the episode is closed"):
            await env.step(Action("x"))
        with pytest.raises(UsageError, match="is closed: make a new one"):
            await env.reset()


async def test_one_instance_does_one_thing_at_a_time(server: Running) -> None:
    async with envgym.make(f"{server.url}/odd-v0") as env:
        await env.reset(seed=1)
        steps = [asyncio.create_task(env.step(Action(text))) for text in ("wait 0.2", "hello")]
        with pytest.raises(UsageError, match="one thing at a time"):
            await steps[1]
        assert "wait" in (await steps[0]).observation.text


async def test_tasks(server: Running) -> None:
    local, remote = pair(server, size=70)
    async with local, remote:
        for split in ("train", "test"):
            here, there = local.tasks(split), remote.tasks(split)
            assert len(here) == len(there) == 70
            for index in (0, 31, 32, 69, -1):
                assert here[index].data == there[index].data
                assert here[index].key == there[index].key
                assert there[index].split == split
                assert "gold" not in repr(there[index])
            assert [t.key for t in here[30:34]] == [t.key for t in there[30:34]]
        for env in (local, remote):
            with pytest.raises(UsageError, match="no split 'valid'"):
                env.tasks("valid")
            with pytest.raises(IndexError):
                env.tasks("test")[70]


async def test_options(server: Running) -> None:
    local, remote = pair(server)
    async with local, remote:
        chosen = {"split": "test", "index": 4}
        here, there = [await env.reset(seed=1, options=chosen) for env in (local, remote)]
        assert here == there
        served = remote.tasks("test")[4]
        again = await remote.reset(seed=1, options={"task": served})
        assert again == there
        assert remote.task is served
        read_back = Task(**served.to_json())
        assert await remote.reset(seed=1, options={"task": read_back}) == there
        own = Task({"n": 7}, {"secret": "mine"})
        assert await remote.reset(seed=1, options={"task": own}) == await local.reset(
            seed=1, options={"task": own}
        )
        for options, said in (
            ({"indx": 4}, "unknown reset options"),
            ({"index": 100}, "no task 100"),
            ({"split": "valid"}, "no split 'valid'"),
        ):
            for env in (local, remote):
                with pytest.raises(UsageError, match=said):
                    await env.reset(options=options)
        for hidden in ("test/4/0000", "test/5/" + served.key, "nonsense", "test/400/x"):
            task = Task(served.data, {"served": hidden}, "test")
            with pytest.raises(UsageError, match=r"has another test task|no reference to"):
                await remote.reset(options={"task": task})


async def test_the_description_is_the_same(server: Running) -> None:
    local, remote = pair(server, "guess-v0")
    async with local, remote:
        assert (local.max_turns, local.seats) == (remote.max_turns, remote.seats)
        assert local.deadlines == remote.deadlines
        for here, there in zip(local.tools, remote.tools, strict=True):
            assert here.schema == there.schema
            assert here.main_parameter == there.main_parameter
            assert (here.timeout, here.parallel, here.is_async, here.parameter_docs) == (
                there.timeout,
                there.parallel,
                there.is_async,
                there.parameter_docs,
            )
            assert there.arguments.model_validate({"number": 3}).number == 3
            with pytest.raises(ValueError, match="Extra"):
                there.arguments.model_validate({"number": 3, "zz": 1})


async def test_tool_schemas_of_the_search_environment(server: Running) -> None:
    local, remote = (envgym.make(p + "search/wiki-v1") for p in ("", f"{server.url}/"))
    async with local, remote:
        assert [t.schema for t in local.tools] == [t.schema for t in remote.tools]
        forms = [[t.arguments.model_fields for t in env.tools] for env in (local, remote)]
        here, there = [
            [{name: (f.annotation, f.is_required()) for name, f in form.items()} for form in side]
            for side in forms
        ]
        assert here == there


async def test_malformed_actions(server: Running) -> None:
    local, remote = pair(server, "guess-v0")
    async with local, remote:
        for what, action in malformed_actions(local.tools):
            here, there = [
                (await env.reset(seed=1), await env.step(action)) for env in (local, remote)
            ]
            assert repr(here) == repr(there), what


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
CALLS = st.builds(
    ToolCall,
    st.text(),
    st.none() | st.dictionaries(st.text(), JSON, max_size=3),
    st.text(),
    st.none() | st.text(),
)


@settings(max_examples=60)
@given(st.lists(st.builds(Action, st.text(), st.lists(CALLS, max_size=3).map(tuple)), max_size=3))
def test_any_action_crosses(server: Running, actions: list[Action]) -> None:
    async def play() -> None:
        local, remote = pair(server)
        async with local, remote:
            for env in (local, remote):
                await env.reset(seed=1)
            for action in actions:
                if action.text.split(" ")[0] in {s.split()[0] for s in SAID} | {"wait", "raise"}:
                    continue
                here, there = await local.step(action), await remote.step(action)
                assert repr(here) == repr(there)

    asyncio.run(play())


async def test_hints(server: Running) -> None:
    local, remote = pair(server)
    async with local, remote:
        with pytest.raises(UsageError, match="call reset first"):
            remote.hints()

        class Says(Solver):
            async def act(self, context: Any) -> Any:
                return envgym.Completion(action=Action("hello"))

        attempts = [await run_episode(env, Says(), Start(3)) for env in (local, remote)]
        assert local.hints() == remote.hints()
        here, there = local.hints(attempts[0]), remote.hints(attempts[1])
        assert here == there
        assert here[0].startswith("6 turns: ['hello'")
        assert here[0].endswith("gold")


async def test_near_misses(server: Running) -> None:
    local, remote = pair(server)
    async with local, remote:
        with pytest.raises(UsageError, match="call reset first"):
            remote.near_misses()
        for env in (local, remote):
            await env.reset(seed=3)
        here, there = ([list(a) for a in env.near_misses()] for env in (local, remote))
        assert here == there
        assert len(there) == 2
    async with envgym.make(f"{server.url}/nooracle-v0") as none:
        await none.reset(seed=0)
        assert list(none.near_misses()) == []


async def test_oracles(server: Running) -> None:
    local, remote = pair(server, "guess-v0")
    async with local, remote:
        for env in (local, remote):
            await env.reset(seed=2)
        assert [a async for a in local.oracle()] == [a async for a in remote.oracle()]
        two = remote.oracle(), remote.oracle()
        assert await anext(two[0]) == await anext(two[1])
        with pytest.raises(StopAsyncIteration):
            await anext(two[0])
    silent = envgym.make(f"{server.url}/nooracle-v0")
    with pytest.raises(UsageError, match="has no oracle"):
        silent.oracle()
    await silent.close()


async def test_deadlines_are_the_servers_and_may_be_changed(server: Running) -> None:
    local, remote = pair(server)
    async with local, remote:
        for env in (local, remote):
            env.deadlines = Deadlines(reset=5.0, step=0.05, tool=0.04, close=5.0)
            await env.reset(seed=1)
            with pytest.raises(Fault, match=r"act passed its deadline of 0\.05 s") as raised:
                await env.step(Action("wait 30"))
            assert raised.value.kind == "env"


async def test_arguments(server: Running) -> None:
    for make in (Odd, lambda **kw: envgym.make(f"{server.url}/odd-v0", **kw)):
        env = make(size=7)
        assert len(env.tasks()) == 7
        await env.close()
    with pytest.raises(UsageError, match=r"cannot be made with these arguments: ValueError: too l"):
        envgym.make(f"{server.url}/odd-v0", size=2000)
    with pytest.raises(UsageError, match=r"takes no argument 'sizes'\. Did you mean 'size'"):
        envgym.make(f"{server.url}/odd-v0", sizes=2)
    with pytest.raises(UsageError, match="arguments cross the wire as JSON values"):
        envgym.make(f"{server.url}/odd-v0", judge=object())
    assert not [key for key in open_resources() if key[0] == "serve"]


async def test_a_rollout_and_a_vector(server: Running) -> None:
    url = f"{server.url}/guess-v0"
    rollout = Rollout(lambda: envgym.make(url), Limits(concurrency=20))
    result = await rollout.run([Start(seed) for seed in range(60)], OracleAgent())
    await rollout.close()
    assert [e.score for e in result.episodes] == [1.0] * 60
    assert not result.quarantined
    here, there = Guess(), envgym.make_vec(url, 4)
    async with here, there:
        observations, infos = await there.reset(seed=7)
        assert infos["score"].tolist() == [0.0] * 4
        for i, observation in enumerate(observations):
            assert observation == (await here.reset(seed=7 + i))[0]
        wrong = Action.call("guess", number=-1)
        _, rewards, *_ = await there.step([wrong] * 4)
        assert rewards.tolist() == [-0.125] * 4


async def test_through_gymnasium(server: Running) -> None:
    def play(id: Any) -> list[Any]:
        env = SyncEnv(id)
        seen = [env.reset(seed=4)]
        seen.append(env.step('<tool_call>{"name":"guess","arguments":{"number":1}}</tool_call>'))
        env.close()
        return seen

    here, there = [await asyncio.to_thread(play, id) for id in (Guess, f"{server.url}/guess-v0")]
    assert here == there
