"""Programs run by the languages themselves: javac, node and g++ know nothing of how ours were made."""

import json
import shutil
import subprocess

from vlmcore.programs import cpp, java, javascript, python
from vlmcore.programs.java_types import ARRAY, BOOLEAN, CHAR, INT, NUMBERS, STRING, WORDS
from vlmcore.programs.writing import camel, snake

NEEDED = {"java": "javac", "javascript": "node", "cpp": "g++"}
BOXED = {NUMBERS: "Integer", WORDS: "String"}


def missing(language):
    return shutil.which(NEEDED[language]) is None


def told(value):
    """A value as Java prints it."""
    if isinstance(value, bool):
        return str(value).lower()
    return f"[{', '.join(map(told, value))}]" if isinstance(value, list) else str(value)


def by_python(program, calls):
    space = {}
    exec(python.write(program), space)  # ours, not a model's
    function = space[snake(program.main.words)]
    return [told(function(*json.loads(json.dumps(values)))) for values in calls]


def java_value(value, kind):
    if value is None:
        return "null"
    if kind == CHAR:
        return f"'{value}'"
    if kind in (INT, BOOLEAN, STRING):
        return json.dumps(value)
    inside = ", ".join(map(json.dumps, value))
    return f"new int[]{{{inside}}}" if kind == ARRAY else f"new ArrayList<{BOXED[kind]}>(Arrays.asList({inside}))"


def cpp_value(value, kind):
    if kind == CHAR:
        return f"'{value}'"
    if kind == STRING:
        return f"string({json.dumps(value)})"
    if kind in (INT, BOOLEAN):
        return json.dumps(value)
    return f"vector<{'string' if kind == WORDS else 'int'}>{{{', '.join(map(json.dumps, value))}}}"


def called(program, values, write):
    kinds = [name.type for name in program.main.parameters]
    return f"{camel(program.main.words)}({', '.join(map(write, values, kinds))})"


def by_java(made, folder):
    """made: pairs of a program and what it is called with. One class each, in one file."""
    parts, runs = ["import java.util.*;", "public class Run {"], []
    for number, (program, calls) in enumerate(made):
        body = java.write(program).removeprefix("import java.util.*;\n\n")
        parts.append(body.replace("class Main", f"static class P{number}", 1))
        shown = [f"System.out.println(P{number}.{called(program, values, java_value)});" for values in calls]
        parts.append(f"static void run{number}() {{ {' '.join(shown)} }}")
        runs.append(f"run{number}();")
    parts.append(f"public static void main(String[] given) {{ {' '.join(runs)} }} }}")
    (folder / "Run.java").write_text("\n".join(parts))
    subprocess.run(["javac", "-nowarn", "Run.java"], cwd=folder, check=True)
    return lines(["java", "-cp", ".", "Run"], folder)


def by_javascript(made, folder):
    parts = ["const told = v => Array.isArray(v) ? `[${v.map(told).join(', ')}]` : String(v);"]
    for program, calls in made:
        shown = [f"console.log(told({called(program, values, lambda v, _: json.dumps(v))}));" for values in calls]
        parts.append("\n".join(["{", javascript.write(program), *shown, "}"]))
    (folder / "run.js").write_text("\n".join(parts))
    return lines(["node", "run.js"], folder)


def by_cpp(made, folder):
    parts = ["#include <iostream>", cpp.HEAD, "string told(int v) { return to_string(v); }"]
    parts += ['string told(bool v) { return v ? "true" : "false"; }', "string told(string v) { return v; }"]
    parts += ["template <class T> string told(vector<T> v) { string all;", "for (size_t i = 0; i < v.size(); i++)"]
    parts += ['all += (i ? ", " : "") + told(v[i]);', 'return "[" + all + "]"; }']
    runs = []
    for number, (program, calls) in enumerate(made):
        shown = [f'cout << told({called(program, values, cpp_value)}) << "\\n";' for values in calls]
        body = cpp.write(program).removeprefix(cpp.HEAD)
        parts.append(f"namespace P{number} {{\n{body}\nvoid run() {{ {' '.join(shown)} }} }}")
        runs.append(f"P{number}::run();")
    parts.append(f"int main() {{ {' '.join(runs)} }}")
    (folder / "run.cpp").write_text("\n".join(parts))
    subprocess.run(["g++", "-std=c++17", "-w", "run.cpp", "-o", "run"], cwd=folder, check=True)
    return lines(["./run"], folder)


def lines(command, folder):
    return subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout.splitlines()


RUN = {"java": by_java, "javascript": by_javascript, "cpp": by_cpp}
