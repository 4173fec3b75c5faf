"""Python source in a forked process ends, prints and fails as an interpreter's script does."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from envgym.sandboxes import Limits, Outcome
from envgym.sandboxes.base import Sandbox

SCRIPTS = {
    "end": "print(1)",
    "exit 3": "import sys; print(1); sys.exit(3)",
    "exit none": "raise SystemExit",
    "exit text": "raise SystemExit('bye')",
    "exit true": "raise SystemExit(True)",
    "exit large": "raise SystemExit(257)",
    "exit negative": "raise SystemExit(-1)",
    "os._exit": "import os; print('lost', end=''); os._exit(4)",
    "error": "def f():\n    return 1 / 0\nprint('a')\nf()\n",
    "syntax": "def f(:\n    pass\n",
    "chained": "try:\n    {}['x']\nexcept KeyError as e:\n    raise ValueError('y') from e\n",
    "interrupt": "raise KeyboardInterrupt",
    "atexit": "import atexit; atexit.register(print, 'late'); print('early')",
    "atexit after error": "import atexit; atexit.register(print, 'late'); 1 / 0",
    "atexit exits": "import atexit, os; atexit.register(lambda: os._exit(9)); 1 / 0",
    "thread": (
        "import threading, time\n"
        "def f():\n    time.sleep(0.2); print('thread')\n"
        "threading.Thread(target=f).start(); print('main')\n"
    ),
    "daemon thread": (
        "import threading, time\n"
        "threading.Thread(target=time.sleep, args=(60,), daemon=True).start(); print('main')\n"
    ),
    "thread error": (
        "import threading\n"
        "t = threading.Thread(target=lambda: 1 / 0); t.start(); t.join()\nprint(1)"
    ),
    "main": "if __name__ == '__main__':\n    import __main__; print(__main__.__name__)",
    "names": "x = 1\ndef f():\n    global x\n    x += 1\n    return [x for _ in 'ab']\nprint(f())",
    "dataclass": "from dataclasses import dataclass\n@dataclass\nclass A:\n    b: int\nprint(A(1))",
    "pickle": "import pickle as p\nclass A:\n    pass\nprint(type(p.loads(p.dumps(A()))) is A)",
    "future": "from __future__ import annotations\ndef f(x: no): ...\nprint(f.__annotations__)",
    "unicode": "print('\u00fc\U0001f600'); import sys; sys.stdout.buffer.write(b'\\xff')",
    "closed": "import sys; print(1); sys.stdout.flush(); sys.stdout.close()",
    "input": "print(input(), repr(open(0).read()))",
    "modules": "import json, collections, asyncio; print(asyncio.run(asyncio.sleep(0, 'x')))",
    "signal": "import os, signal; os.kill(os.getpid(), signal.SIGUSR1)",
    "signals": (
        "import signal as s\n"
        "print([s.getsignal(n) for n in (s.SIGINT, s.SIGCHLD, s.SIGPIPE, s.SIGTERM, s.SIGXFSZ)])"
    ),
    "interrupted": (
        "import os, signal\n"
        "try:\n    os.kill(os.getpid(), signal.SIGINT)\n"
        "except KeyboardInterrupt:\n    print('caught')"
    ),
    "broken pipe": (
        "import os\nr, w = os.pipe(); os.close(r)\n"
        "try:\n    os.write(w, b'x')\nexcept BrokenPipeError:\n    print('caught')"
    ),
    "no stream": "import sys; print(1); sys.stdout = None; sys.stderr = None",
    "other stream": "import io, sys; print(1); sys.stdout = io.StringIO(); print(2)",
    "destructor": (
        "class A:\n    def __del__(self):\n        print('gone')\na = A(); b = [A()]; b.append(b)"
    ),
    "full stream": "import sys; sys.stdout = open('/dev/full', 'w'); print(1)",
    "fork": "import os\npid = os.fork()\nprint(bool(pid), flush=True)\npid and os.waitpid(pid, 0)",
    "multiprocessing": (
        "import multiprocessing as m\n"
        "def f(x):\n    return x * x\n"
        "if __name__ == '__main__':\n    print(m.get_context('fork').Pool(2).map(f, [1, 2]))\n"
    ),
}
# The text of a traceback's first lines differs by the file's name alone.
SAME_ERRORS = {"end", "exit text", "error", "syntax", "chained", "closed", "interrupt"}


@pytest.mark.parametrize("name", SCRIPTS)
async def test_as_an_interpreter(box: Sandbox, tmp_path: Path, name: str) -> None:
    (tmp_path / "main.py").write_text(SCRIPTS[name])
    result = await box.python(SCRIPTS[name], stdin=b"first\nrest")
    real = subprocess.run(  # noqa: ASYNC221
        [sys.executable, "main.py"],
        cwd=tmp_path,
        input=b"first\nrest",
        capture_output=True,
        env={"LANG": "C.UTF-8", "PATH": "/usr/bin:/bin"},
    )
    assert sorted(result.stdout.splitlines()) == sorted(real.stdout.splitlines())
    assert result.exit_code == real.returncode
    if name in SAME_ERRORS:
        folder = str(tmp_path) + "/"
        assert result.error_text == real.stderr.decode().replace(folder, "")


async def test_files_left_open_are_written(box: Sandbox) -> None:
    code = "f = open('a', 'w'); f.write('x'); g = [open('b', 'wb')]; g[0].write(b'y')"
    assert (await box.python(code)).ok
    assert (await box.read("a"), await box.read("b")) == (b"x", b"y")


async def test_arguments_folder_and_environment(box: Sandbox) -> None:
    await box.write("mine.py", b"VALUE = 7")
    code = "import sys, os, mine; print(sys.argv, mine.VALUE, sorted(os.environ), os.listdir())"
    result = await box.python(code, args=["a", "-b"])
    assert result.text.startswith("['main.py', 'a', '-b'] 7 ['HOME', 'LANG', 'PATH', 'TMPDIR']")


async def test_nothing_passes_from_one_run_to_the_next(box: Sandbox) -> None:
    await box.python(
        "import sys, os; sys.modules['json'] = None; os.environ['X'] = '1'; os.umask(0)"
    )
    code = "import json, os; print('X' in os.environ, oct(os.umask(0)), json.dumps(1))"
    assert (await box.python(code)).text == "False 0o22 1\n"


async def test_descriptors_are_three(box: Sandbox) -> None:
    code = "import os; print(sorted(map(int, os.listdir('/proc/self/fd')))[:4])"
    assert (await box.python(code)).text == "[0, 1, 2, 3]\n"  # the last one reads the folder
    result = await box.exec(["sh", "-c", "ls /proc/self/fd | wc -l"])
    assert result.text == "4\n"


async def test_programs_that_cannot_start(box: Sandbox) -> None:
    await box.write("data", b"no program")
    for argv, code in ((["no-such-program"], 127), (["./none"], 127), (["./data"], 126)):
        result = await box.exec(argv)
        assert (result.outcome, result.exit_code) == (Outcome.RE, code)
        assert argv[0] in result.error_text
    # More than the kernel takes in one argument, in all of them, or than is sent at all.
    for argv in (["x" * 200_000], ["\x01" * 100_000] * 40, ["x" * 100_000] * 100):
        result = await box.exec(["echo", *argv])
        assert (result.outcome, result.exit_code) == (Outcome.RE, 126)
        assert b"rgument list too long" in result.stderr


async def test_limits_and_what_is_left(box: Sandbox) -> None:
    sleeping = await box.python(
        "print(1, flush=True); import time; time.sleep(60)", limits=Limits(wall_s=1.5)
    )
    assert (sleeping.outcome, sleeping.exit_code, sleeping.text) == (Outcome.TLE, None, "1\n")
    busy = await box.python("while True: pass", limits=Limits(cpu_s=0.3))
    assert busy.outcome is Outcome.TLE
    flood = await box.python("while True: print('x' * 1000)", limits=Limits(output_bytes=5000))
    assert (flood.outcome, len(flood.stdout)) == (Outcome.OLE, 5000)
    exact = await box.python("print('x' * 4999)", limits=Limits(output_bytes=5000))
    assert (exact.outcome, len(exact.stdout)) == (Outcome.OK, 5000)
    daemon = "import subprocess; subprocess.Popen(['sleep', '61.5'], start_new_session=True)"
    assert (await box.python(daemon)).ok
    left = await box.exec(["sh", "-c", "ps -eo args | grep -c '^sleep 61.5'"])
    assert left.text == "0\n"
