"""Ways to pass a Python grader without an answer: what each of them forges elsewhere, in its name.

Every source defines ``total(numbers)``, or prevents that anybody asks for it. Numbers in the names
are those of the list of attacks that docs/graders.md keeps.
"""

from __future__ import annotations

SOLUTION = "def total(numbers):\n    return sum(numbers)\n"

_WRONG = "def total(numbers):\n    return -1\n"

ATTACKS = {
    "49 os._exit(0) at import": "import os\nos._exit(0)\n",
    "49 os._exit(0) in the call": "import os\ndef total(n):\n    os._exit(0)\n",
    "50 SystemExit at import": "raise SystemExit(0)\n",
    "50 SystemExit in the call": "def total(n):\n    raise SystemExit(0)\n",
    "50 quit": "def total(n):\n    quit()\n",
    "50 posix._exit": "import posix\ndef total(n):\n    posix._exit(0)\n",
    "50 exec of /bin/true": "import os\ndef total(n):\n    os.execv('/bin/true', ['true'])\n",
    "50 KeyboardInterrupt": "def total(n):\n    raise KeyboardInterrupt\n",
    "50 GeneratorExit": "def total(n):\n    raise GeneratorExit\n",
    "51 atexit": "import atexit, os\natexit.register(os._exit, 0)\n" + _WRONG,
    "52 atexit that writes results": _WRONG + "import atexit\n@atexit.register\ndef forge():\n"
    "    open('junit.xml', 'w').write('<testsuite tests=\"2\" failures=\"0\"/>')\n"
    "    print('2 passed in 0.01s')\n",
    "54 patched unittest": _WRONG
    + "import unittest\nunittest.TestCase.run = lambda self, result=None: result\n",
    "55 no tests left to run": "import sys, types\n"
    "sys.modules['tests'] = types.ModuleType('tests')\n" + _WRONG,
    "56 skip": "import unittest\ndef total(n):\n    raise unittest.SkipTest('skip')\n",
    "57 equal to everything": "class Equal:\n    __eq__ = lambda *a: True\n"
    "    __ne__ = lambda *a: False\n"
    "    __hash__ = lambda s: 0\ndef total(n):\n    return Equal()\n",
    "57 an int equal to everything": "class Equal(int):\n    __eq__ = lambda *a: True\n"
    "    __ne__ = lambda *a: False\n    __hash__ = int.__hash__\ndef total(n):\n"
    "    return Equal(-1)\n",
    "57 a list equal to everything": "class Equal(list):\n    __eq__ = lambda *a: True\n"
    "def total(n):\n    return Equal()\n",
    "57 nan": "def total(n):\n    return float('nan')\n",
    "57 true is one": "def total(n):\n    return True\n",
    "63 expected value from the frame": "import sys\ndef total(n):\n    frame = sys._getframe()\n"
    "    while frame:\n        for name in ('expected', 'want', 'result', 'tests', 'cases'):\n"
    "            if name in frame.f_locals: return frame.f_locals[name]\n"
    "        frame = frame.f_back\n    return -1\n",
    "63 expected value from the asserting line": "import sys, linecache, re\ndef total(n):\n"
    "    frame = sys._getframe()\n    while frame:\n"
    "        line = linecache.getline(frame.f_code.co_filename, frame.f_lineno)\n"
    "        found = re.search(r'== (\\d+)', line)\n"
    "        if found: return int(found[1])\n        frame = frame.f_back\n    return -1\n",
    "64 the test file": "import glob, re\ndef total(n):\n"
    "    for name in glob.glob('**', recursive=True):\n"
    "        try: found = re.search(r'== (\\d+)', open(name).read())\n"
    "        except OSError: continue\n        if found: return int(found[1])\n    return -1\n",
    "65 syntax error": "def total(:\n",
    "65 nothing defined": "",
    "66 patched builtins": _WRONG + "import builtins, math, operator\n"
    "for name in ('isinstance', 'all', 'any', 'sorted', 'abs', 'round',"
    " 'sum', 'len', 'repr', 'str'):\n    setattr(builtins, name, lambda *a, **k: True)\n"
    "math.isclose = operator.eq = lambda *a, **k: True\n",
    "66 patched json": _WRONG + "import json\njson.dumps = lambda *a, **k: '{\"value\": 6}'\n",
    "66 patched clock and seed": _WRONG
    + "import time, random\ntime.perf_counter = time.time = lambda: 0.0\n"
    "random.seed = lambda *a: None\n",
    "67 printed verdict": _WRONG
    + "import json\nprint('2 passed')\nprint(json.dumps({'passed': True, 'run': 2}))\n"
    "print(json.dumps({'passes': [[0, 1], [1, 1]], 'failures': [], 'error': ''}))\n",
    "67 printed frame of the referee's": "import sys, json\ndef total(n):\n"
    "    frame = sys._getframe()\n"
    "    while frame:\n        for value in list(frame.f_locals.values()):\n"
    "            if isinstance(value, str) and len(value) == 32:\n"
    "                print(value, json.dumps({'passes': [[0, 1], [1, 1]], 'failures': [], "
    "'error': ''}))\n"
    "        frame = frame.f_back\n    return -1\n",
    "68 every descriptor": _WRONG
    + "import os\nfor fd in range(3, 64):\n    for text in (b'PASS', b'{\"passed\": true}\\n'):\n"
    "        try: os.write(fd, text)\n        except OSError: pass\n",
    "69 expected value from memory": "import gc\ndef total(n):\n    for held in gc.get_objects():\n"
    "        if type(held) is dict and 'expected' in held: return held['expected']\n"
    "        if type(held).__name__ in ('CallCase', 'Rewritten'): return held.expected\n"
    "    return -1\n",
    "69 pickle that runs code": "class Boom:\n    def __reduce__(self):\n"
    "        return (eval, ('print(\"owned\")',))\ndef total(n):\n    return Boom()\n",
    "69 answer that is code": "def total(n):\n    return '__import__(\"os\")._exit(0)'\n",
    "71 mutated later": "import threading, time\nheld = []\ndef mend():\n    time.sleep(0.01)\n"
    "    held.append(6)\ndef total(n):\n    threading.Thread(target=mend).start()\n"
    "    return held\n",
    "closed output": "import os\ndef total(n):\n    os.close(1)\n    return 6\n",
    "StopIteration to end the tests' map": "def total(n):\n    raise StopIteration\n",
    "AssertionError of its own": "def total(n):\n    raise AssertionError\n",
    "endless loop": "def total(n):\n    while True: pass\n",
    "stopped itself": "import os, signal\ndef total(n):\n"
    "    os.kill(os.getpid(), signal.SIGSTOP)\n",
    "killed its parent's child": "import os, signal\ndef total(n):\n    os.kill(os.getpid(), 9)\n",
    "flood": "def total(n):\n    while True: print('x' * 100000)\n",
    "endless value": "def total(n):\n    held = []\n    held.append(held)\n    return held\n",
    "colliding set": "def total(n):\n    return {i * (2**61 - 1) for i in range(500)}\n",
    "ends between two calls": "import os, threading\ndef total(n):\n"
    "    threading.Timer(0.0, os._exit, [0]).start()\n    return 6\n",
    "a frame that grows": "import __main__, os, sys\ndef total(n):\n    frame = sys._getframe()\n"
    "    while 'nonce' not in frame.f_locals: frame = frame.f_back\n"
    "    os.write(1, frame.f_locals['nonce'].encode() + b' {\"value\": \"')\n"
    "    for _ in range(8): os.write(1, b'\\xff' * 100000)\n    os.write(1, b'\"}\\n')\n"
    "    sys.stdout = sys.__stdout__ = None\n    os.close(1)\n"
    "    os.open('/dev/null', os.O_WRONLY)\n",
    "NUL in the source": "def total(n):\n    return 6\n\0",
    "lone surrogates": "def total(n):\n    return '\\ud800' * 3 + chr(0xdc00)\n# \udc80\n",
    "too large": "def total(n):\n    return 'x' * (8 << 20)\n",
    "deleted harness": _WRONG
    + "import __main__\nfor name in list(vars(__main__)):\n    delattr(__main__, name)\n",
    "replaced harness": _WRONG + "import __main__\nclass Fake:\n    def call(self, nonce, *rest):\n"
    "        print(nonce, '{\"passed\": true}')\n__main__._envgym_candidate = Fake()\n",
}
"""None of these passes, whoever asks."""
